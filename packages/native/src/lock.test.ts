import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { runNode, startNode } from '../test/support/node-process.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
let folder = '';
let base: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-lock-'));
  base = openDescriptors();
});
afterAll(async () => {
  await expectDescriptors(base);
  rmSync(folder, { recursive: true });
});

const TRY = `
  const result = binding.lockFile(process.argv[1]);
  console.log(result >= 0 ? 'locked' : result);
`;

async function lockedElsewhere(path: string): Promise<boolean> {
  const { output } = await runNode(TRY, { args: [path] });
  expect(output.trim()).toMatch(/^(locked|-11)$/);
  return output.trim() === '-11';
}

describe('lockFile()', () => {
  it('makes the file with mode 600', () => {
    const path = join(folder, 'mode');
    const fd = native.lockFile(path);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    native.close(fd);
  });

  it('keeps everybody else out until it is closed', async () => {
    const path = join(folder, 'shared');
    const fd = native.lockFile(path);
    expect(fd).toBeGreaterThan(2);
    expect(errnoName(native.lockFile(path))).toBe('EAGAIN');
    expect(await lockedElsewhere(path)).toBe(true);
    native.close(fd);
    expect(await lockedElsewhere(path)).toBe(false);
  });

  it('is released by SIGKILL of its owner', async () => {
    const path = join(folder, 'killed');
    const owner = startNode(`${TRY} setInterval(() => undefined, 1000);`, { args: [path] });
    const output = await new Promise((resolve) => owner.stdout.once('data', resolve));
    expect(String(output).trim()).toBe('locked');
    expect(errnoName(native.lockFile(path))).toBe('EAGAIN');
    const ended = new Promise((resolve) => owner.once('close', resolve));
    owner.kill('SIGKILL');
    await ended;
    const fd = native.lockFile(path);
    expect(fd).toBeGreaterThan(2);
    native.close(fd);
  });

  it('is not inherited by a child of its owner', async () => {
    const path = join(folder, 'inherited');
    const fd = native.lockFile(path);
    const child = startNode('console.log("up"); setInterval(() => undefined, 1000);');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    native.close(fd);
    const again = native.lockFile(path);
    expect(again).toBeGreaterThan(2);
    native.close(again);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  });

  it('never holds a file that its last owner removed meanwhile', async () => {
    // Two processes take, remove and release the lock as fast as they can; who has it makes a
    // directory, which fails when somebody else is in.
    const path = join(folder, 'contended');
    const program = `
      let inside = 0, stale = 0;
      const until = Date.now() + 400;
      while (Date.now() < until) {
        const fd = binding.lockFile(process.argv[1]);
        if (fd === -116) stale++;
        if (fd < 0) continue;
        fs.mkdirSync(process.argv[1] + '.inside');
        inside++;
        fs.rmdirSync(process.argv[1] + '.inside');
        fs.rmSync(process.argv[1], { force: true });
        binding.close(fd);
      }
      console.log(JSON.stringify({ inside, stale }));
    `;
    const both = await Promise.all([
      runNode(program, { args: [path] }),
      runNode(program, { args: [path] }),
    ]);
    for (const { code, output } of both) {
      expect(output).toMatch(/^\{"inside":[1-9]/);
      expect(code).toBe(0);
    }
  });

  it('does not follow a link', () => {
    const target = join(folder, 'target');
    const path = join(folder, 'link');
    writeFileSync(target, '');
    symlinkSync(target, path);
    expect(errnoName(native.lockFile(path))).toBe('ELOOP');
  });

  it('returns ENOENT for a folder that is not there', () => {
    expect(errnoName(native.lockFile(join(folder, 'none', 'lock')))).toBe('ENOENT');
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});
