import { spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { lockOwnerLives, parseLockOwner, tryPidLock } from './pid-lock.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-pid-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** From the process's own file, so that the number is not the tested code's. */
function ownStartTime(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

const OWN_TEXT = `${process.pid} ${ownStartTime()}`;

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('close', resolve));
  return child.pid ?? 0;
}

describe('tryPidLock()', () => {
  it('writes its process id and start time, and leaves no other file', () => {
    const lock = tryPidLock(path);
    expect(readFileSync(path, 'utf8')).toBe(OWN_TEXT);
    expect(readdirSync(folder)).toEqual(['lock']);
    expect([statSync(path).mode & 0o777, statSync(path).nlink]).toEqual([0o600, 1]);
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

  it.each(['', ' 1', ' 99999'])('takes over from a dead process: "<pid>%s"', async (more) => {
    writeFileSync(path, `${await deadPid()}${more}`);
    const lock = tryPidLock(path);
    expect(readFileSync(path, 'utf8')).toBe(OWN_TEXT);
    expect(readdirSync(folder)).toEqual(['lock']);
    lock?.release();
  });

  it('takes over from a process whose id another one has now', () => {
    // This process lives, and so does its parent; both started at another moment than the owner.
    for (const pid of [process.pid, process.ppid]) {
      writeFileSync(path, `${pid} 1`);
      const lock = tryPidLock(path);
      expect(readFileSync(path, 'utf8')).toBe(OWN_TEXT);
      lock?.release();
    }
  });

  it('respects an owner that holds the kernel lock: "flock <pid>"', async () => {
    writeFileSync(path, `flock ${process.ppid}`);
    expect(tryPidLock(path)).toBeUndefined();
    writeFileSync(path, `flock ${await deadPid()}`);
    tryPidLock(path)?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('respects an empty file for a moment: its owner is about to write', async () => {
    writeFileSync(path, '');
    expect(tryPidLock(path)).toBeUndefined();
    utimesSync(path, 1, 1);
    tryPidLock(path)?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not follow a link to read who the owner is', () => {
    writeFileSync(join(folder, 'other'), '1');
    symlinkSync(join(folder, 'other'), path);
    expect(() => tryPidLock(path)).toThrow(/ELOOP/);
    expect(readdirSync(folder).toSorted()).toEqual(['lock', 'other']);
  });

  it.each(['', 'nonsense', '-1', '0', '1.5', '99999999999999999999'])(
    'takes over from a file that says "%s"',
    (text) => {
      writeFileSync(path, text);
      utimesSync(path, 1, 1);
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

describe('parseLockOwner()', () => {
  it.each([
    ['12', { kind: 'pid', pid: 12, startTime: undefined }],
    ['12 34', { kind: 'pid', pid: 12, startTime: 34 }],
    ['flock 12', { kind: 'flock', pid: 12, startTime: undefined }],
    ['flock 12 34\n', { kind: 'flock', pid: 12, startTime: 34 }],
    ['', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['12 x', undefined],
    ['12  34', undefined],
    ['flock', undefined],
    ['99999999999', undefined],
  ])('of "%s"', (text, owner) => expect(parseLockOwner(text)).toEqual(owner));
});

describe('lockOwnerLives()', () => {
  const lives = (pid: number, startTime?: number): boolean =>
    lockOwnerLives({ kind: 'pid', pid, startTime });

  it('compares the start time where there is one', () => {
    expect(lives(process.pid, ownStartTime())).toBe(true);
    expect(lives(process.pid, ownStartTime() + 1)).toBe(false);
    expect(lives(process.pid)).toBe(true);
  });

  it('is false of a dead process', async () => {
    expect(lives(await deadPid())).toBe(false);
  });
});

describe('release()', () => {
  it('leaves a file of another that says the same', () => {
    const lock = tryPidLock(path);
    writeFileSync(join(folder, 'other'), OWN_TEXT);
    rmSync(path);
    linkSync(join(folder, 'other'), path);
    lock?.release();
    expect(existsSync(path)).toBe(true);
  });

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

describe('the lock of a dead owner, wanted by many processes', () => {
  it('goes to one of them', { timeout: 30_000 }, async () => {
    const module = new URL('../dist/pid-lock.js', import.meta.url).href;
    const program = `
      import { tryPidLock } from ${JSON.stringify(module)};
      process.stdin.once('data', () => {
        console.log(tryPidLock(${JSON.stringify(path)}) === undefined ? 'no' : 'yes');
      });
      console.log('ready');
    `;
    const children = Array.from({ length: 6 }, () => {
      return spawn(process.execPath, ['--input-type=module', '-e', program]);
    });
    const said = (child: (typeof children)[number]): Promise<string> =>
      new Promise((resolve) => {
        child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      });
    expect(await Promise.all(children.map(said))).toEqual(children.map(() => 'ready'));
    writeFileSync(path, `${await deadPid()} 1`);
    const answers = Promise.all(children.map(said));
    for (const child of children) child.stdin.write('go\n');
    expect((await answers).toSorted()).toEqual(['no', 'no', 'no', 'no', 'no', 'yes']);
    expect(readdirSync(folder)).toEqual(['lock']);
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => new Promise((done) => child.once('close', done))));
  });
});
