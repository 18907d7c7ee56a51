import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PortError } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ServerSwap } from './server-swap.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-swap-'));
  path = join(folder, 'n');
});
afterEach(() => rmSync(folder, { recursive: true }));

const GONE = new PortError('PORT_NOT_FOUND', 'planted');

function replace(): void {
  writeFileSync(join(folder, 'next'), '');
  renameSync(join(folder, 'next'), path);
}

describe('ServerSwap', () => {
  it('explains a refusal and a broken connection by another file at the path', () => {
    replace();
    const swap = new ServerSwap(path);
    swap.remember();
    expect(swap.explains(GONE)).toBe(false);
    replace();
    expect(swap.explains(GONE)).toBe(true);
    expect(swap.explains(new PortError('DISCONNECTED', 'planted'))).toBe(true);
    swap.remember();
    expect(swap.explains(GONE)).toBe(false);
  });

  it('explains no other failure', () => {
    replace();
    const swap = new ServerSwap(path);
    swap.remember();
    replace();
    for (const code of ['TIMEOUT', 'ACCESS_DENIED', 'CANCELED', 'PROTOCOL_ERROR'] as const) {
      expect(swap.explains(new PortError(code, 'planted'))).toBe(false);
    }
    expect(swap.explains(new Error('planted'))).toBe(false);
  });

  it('sees a file that comes where none was, and does not wait for one that went', () => {
    const swap = new ServerSwap(path);
    swap.remember();
    expect(swap.hasHappened()).toBe(false);
    replace();
    expect(swap.hasHappened()).toBe(true);
    swap.remember();
    rmSync(path);
    expect(swap.hasHappened()).toBe(false);
  });

  it('tells files apart that have the same number one after the other', async () => {
    replace();
    const swap = new ServerSwap(path);
    swap.remember();
    // The number stays, and only the time of the change tells, as when a number is used again.
    await new Promise((done) => setTimeout(done, 20));
    chmodSync(path, 0o600);
    expect(swap.hasHappened()).toBe(true);
  });

  it('never happens where nobody may look', () => {
    replace();
    const swap = new ServerSwap(join(path, 'below a file'));
    swap.remember();
    expect(swap.hasHappened()).toBe(false);
  });

  it('never happens where there is no file', () => {
    const swap = new ServerSwap(undefined);
    swap.remember();
    expect(swap.explains(GONE)).toBe(false);
  });
});
