/*
 * Threat: clients come until the server has no descriptor left. Each must be told that it is busy;
 * none may be dropped without a word, and the server must go on when there is room again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ChildProcess } from 'node:child_process';
import type { Link, OutgoingLink } from '@portcall/transport';
import { isPortError } from '@portcall/wire';

import { LINK_OPTIONS } from '../test/support/link-parts.js';
import { nativeBinding } from '../test/support/native.js';
import { startShmProgram } from '../test/support/shm-program.js';
import { connectShm } from './connect-shm.js';

const native = nativeBinding();
const BUSY = 66;

/** Accepts everybody, and keeps them; 64 descriptors. What it cannot accept it refuses, as busy. */
const SERVER = `
  listenShm(native, process.argv[1], { ...OPTIONS, onIncoming(incoming) {
    let link;
    try { link = incoming.accept(Uint8Array.of(1)); }
    catch (error) {
      if (error.code === 'DISCONNECTED') return;
      incoming.reject(OPTIONS.busyPayload);
      return;
    }
    link.start({ onRecord() {}, onWritable() {}, onEnd() {} }, { recordBytesMax: 2040 });
  } });
  console.log('listening');
`;

let folder = '';
let path = '';
let server: ChildProcess | undefined;
let links: Link[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-pressure-'));
  path = join(folder, 's');
  links = [];
});
afterEach(() => {
  for (const link of links) link.close();
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** What one client gets: a link, the refusal, or the code of an error. */
async function ask(outgoing: OutgoingLink): Promise<'link' | 'busy' | string> {
  try {
    const { link, payload } = await outgoing.request(Uint8Array.of(1));
    if (link !== undefined) links.push(link);
    return link === undefined && payload[0] === BUSY ? 'busy' : 'link';
  } catch (error) {
    return isPortError(error) ? error.code : String(error);
  }
}

const OPTIONS = { ...LINK_OPTIONS, handshakeTimeoutMs: 10_000 };

describe('a server with 64 descriptors', () => {
  it('tells every client that it is busy, one after the other', async () => {
    server = await startShmProgram('server', SERVER, {}, path);
    const outcomes: string[] = [];
    for (let client = 0; client < 60; client++) {
      outcomes.push(await ask(await connectShm(native, path, OPTIONS)));
    }
    expect(new Set(outcomes)).toEqual(new Set(['link', 'busy']));
    // Once it is full it stays full.
    expect(outcomes.lastIndexOf('link')).toBeLessThan(outcomes.indexOf('busy'));
  });

  it('tells every client that it is busy, when all come at once', async () => {
    server = await startShmProgram('server', SERVER, {}, path);
    const outgoing = await Promise.all(
      Array.from({ length: 120 }, () => connectShm(native, path, OPTIONS)),
    );
    const outcomes = await Promise.all(outgoing.map(ask));
    expect(new Set(outcomes)).toEqual(new Set(['link', 'busy']));
    expect(outcomes.filter((outcome) => outcome === 'link').length).toBeGreaterThan(2);
  });

  it('tells clients that have not asked yet, and takes new ones in later', async () => {
    server = await startShmProgram('server', SERVER, {}, path);
    const silent = await Promise.all(
      Array.from({ length: 80 }, () => connectShm(native, path, OPTIONS)),
    );
    const late = await Promise.all(
      Array.from({ length: 20 }, () => connectShm(native, path, OPTIONS).then(ask)),
    );
    expect(new Set(late)).toEqual(new Set(['busy']));
    for (const one of silent) one.close();
    const giveUpAt = performance.now() + 5000;
    let outcome = 'busy';
    while (outcome === 'busy' && performance.now() < giveUpAt) {
      outcome = await ask(await connectShm(native, path, OPTIONS));
    }
    expect(outcome).toBe('link');
  });
});
