import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { tryPidLock } from './pid-lock.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-pid-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the lock of this process says. */
function ownText(): string {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  return `${process.pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}

describe('tryPidLock()', () => {
  it('writes its process id and start time, and leaves no other file', () => {
    const lock = tryPidLock(path);
    expect(readFileSync(path, 'utf8')).toBe(ownText());
    expect(readdirSync(folder)).toEqual(['lock']);
    lock?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('returns undefined while a live process has it', () => {
    const lock = tryPidLock(path);
    expect(tryPidLock(path)).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['lock']);
    lock?.release();
    const again = tryPidLock(path);
    expect(again).toBeDefined();
    again?.release();
  });

  it('takes over from a dead process', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('close', resolve));
    writeFileSync(path, String(child.pid));
    const lock = tryPidLock(path);
    expect(readFileSync(path, 'utf8')).toBe(ownText());
    lock?.release();
  });

  it('takes over from a process whose number another one has now', () => {
    const [pid, startTime] = ownText().split(' ');
    writeFileSync(path, `${pid} ${Number(startTime) + 1}`);
    expect(tryPidLock(path)).toBeDefined();
    for (const alive of [ownText(), `${pid} 0`, `flock ${pid}`]) {
      writeFileSync(path, alive);
      expect(tryPidLock(path)).toBeUndefined();
    }
  });

  it.each(['', 'nonsense', '-1', '0', '1.5', '99999999999999999999', '1 x', '1 2 3'])(
    'takes over from a file that says "%s"',
    (text) => {
      writeFileSync(path, text);
      const lock = tryPidLock(path);
      expect(lock).toBeDefined();
      lock?.release();
      expect(existsSync(path)).toBe(false);
    },
  );

  it('respects a process of another user: process 1 is alive', () => {
    writeFileSync(path, '1');
    expect(tryPidLock(path)).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('throws the error of a folder that is not there', () => {
    expect(() => tryPidLock(join(folder, 'none', 'lock'))).toThrow(/ENOENT/);
  });
});

describe('release()', () => {
  it('removes only its own lock, once', () => {
    const lock = tryPidLock(path);
    writeFileSync(path, '1');
    lock?.release();
    expect(readFileSync(path, 'utf8')).toBe('1');
    rmSync(path);
    const other = tryPidLock(path);
    lock?.release();
    expect(existsSync(path)).toBe(true);
    other?.release();
  });
});
