import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { checkServerDirectory, ensurePortDirectory, portDirectory } from './runtime-directory.js';

const isRoot = process.geteuid?.() === 0;
const ROOT_ONLY = 'only root can give files to other users';

/** A user that exists in no file. */
const STRANGER = 64_007;

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'pc-dir-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const messageOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return String(error);
  }
  return 'nothing thrown';
};

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;

/** A directory `at` with this mode, and one of the session's below it. */
function below(mode: number, owner?: number): string {
  const parent = join(base, 'parent');
  mkdirSync(join(parent, 'ports'), { recursive: true, mode: 0o700 });
  chmodSync(parent, mode);
  if (owner !== undefined) chownSync(parent, owner, owner);
  return join(parent, 'ports');
}

describe('ensurePortDirectory()', () => {
  const ensure = (directory: string, namespace: 'session' | 'system' = 'session'): string =>
    messageOf(() => ensurePortDirectory(directory, namespace));

  it.each([0o000, 0o022, 0o077, 0o177])('makes modes 700 and 755 under umask %o', (umask) => {
    const before = process.umask(umask);
    try {
      ensurePortDirectory(join(base, 'a/b'), 'session');
      if (isRoot) ensurePortDirectory(join(base, 'sys'), 'system');
    } finally {
      process.umask(before);
    }
    expect([modeOf(join(base, 'a')), modeOf(join(base, 'a/b'))]).toEqual([0o700, 0o700]);
    if (isRoot) expect(modeOf(join(base, 'sys'))).toBe(0o755);
  });

  it.each([0o777, 0o775, 0o757, 0o702, 0o720])('refuses a level above of mode %o', (mode) => {
    expect(ensure(below(mode))).toContain(`others can write to ${base}/parent: its mode is`);
  });

  it.each([0o755, 0o711, 0o1777, 0o1775])('takes a level above of mode %o', (mode) => {
    expect(ensure(below(mode))).toBe('nothing thrown');
  });

  it('refuses a level above that is a link, even to a good place', () => {
    const real = below(0o755);
    symlinkSync(join(base, 'parent'), join(base, 'link'));
    expect(ensure(join(base, 'link/ports'))).toContain(`${base}/link is a symbolic link`);
    expect(ensure(real)).toBe('nothing thrown');
  });

  it('makes nothing below a level that it refuses', () => {
    const directory = join(below(0o777), 'deeper');
    expect(codeOf(() => ensurePortDirectory(directory, 'session'))).toBe('ACCESS_DENIED');
    expect(existsSync(directory)).toBe(false);
  });

  it('refuses a level above that is a file, and one that cannot be made', () => {
    writeFileSync(join(base, 'file'), '');
    expect(ensure(join(base, 'file/ports'))).toContain(`${base}/file is not a directory`);
    expect(ensure('/proc/nowhere/ports')).toContain('/proc/nowhere');
  });

  it.skipIf(!isRoot)(`refuses a level above of another user (${ROOT_ONLY})`, () => {
    const text = ensure(below(0o755, STRANGER));
    expect(text).toContain(`user ${STRANGER} owns ${base}/parent, wanted user 0`);
  });

  it('refuses a session directory that others can read, or with the sticky bit write', () => {
    const directory = below(0o755);
    for (const mode of [0o701, 0o710, 0o740, 0o1777]) {
      chmodSync(directory, mode);
      expect(ensure(directory)).toContain(`its mode is ${(mode & 0o777).toString(8)}, wanted 700`);
    }
  });

  it.skipIf(!isRoot)(`takes a system directory that others can read (${ROOT_ONLY})`, () => {
    const directory = below(0o755);
    chmodSync(directory, 0o755);
    expect(ensure(directory, 'system')).toBe('nothing thrown');
    chmodSync(directory, 0o1777);
    expect(ensure(directory, 'system')).toContain('its mode is 777, wanted 755');
    chmodSync(directory, 0o755);
    chownSync(directory, STRANGER, STRANGER);
    expect(ensure(directory, 'system')).toContain(`user ${STRANGER} owns`);
  });

  it('hints at what would help, in each namespace', () => {
    expect(ensure(below(0o777))).toContain('set PORTCALL_RUNTIME_DIR');
    expect(ensure(below(0o777), 'system')).toContain('system directory');
    expect(ensure(below(0o777), 'system')).not.toContain('PORTCALL_RUNTIME_DIR');
  });
});

describe('checkServerDirectory()', () => {
  const check = (directory: string, requiredUid?: number): string =>
    codeOf(() => {
      checkServerDirectory(directory, { namespace: 'session', requiredUid, portName: 'n' });
    });

  it('takes what a server of this user makes', () => {
    ensurePortDirectory(join(base, 'a/b'), 'session');
    expect(check(join(base, 'a/b'))).toBe('nothing thrown');
  });

  it('takes a directory that others may only search', () => {
    const directory = below(0o755);
    chmodSync(directory, 0o711);
    expect(check(directory)).toBe('nothing thrown');
  });

  it.each([0o777, 0o770, 0o1777])('refuses one where others can put sockets: %o', (mode) => {
    const directory = below(0o755);
    chmodSync(directory, mode);
    expect(check(directory)).toBe('ACCESS_DENIED');
  });

  it('refuses a level above where others can exchange directories', () => {
    expect(check(below(0o777))).toBe('ACCESS_DENIED');
  });

  it('refuses links at every level', () => {
    const directory = below(0o755);
    symlinkSync(join(base, 'parent'), join(base, 'link'));
    symlinkSync(directory, join(base, 'last'));
    expect(check(join(base, 'link/ports'))).toBe('ACCESS_DENIED');
    expect(check(join(base, 'last'))).toBe('ACCESS_DENIED');
  });

  it('finds no port where there is no directory', () => {
    writeFileSync(join(base, 'file'), '');
    for (const path of ['none', 'none/at/all', 'file', 'file/below']) {
      expect(check(join(base, path))).toBe('PORT_NOT_FOUND');
    }
  });

  it.skipIf(!isRoot)(`takes another user's only when that user is required (${ROOT_ONLY})`, () => {
    const directory = below(0o755, STRANGER);
    chownSync(directory, STRANGER, STRANGER);
    expect(check(directory)).toBe('SERVER_IDENTITY_MISMATCH');
    expect(check(directory, STRANGER + 1)).toBe('SERVER_IDENTITY_MISMATCH');
    expect(check(directory, STRANGER)).toBe('nothing thrown');
    chmodSync(directory, 0o777);
    expect(check(directory, STRANGER)).toBe('ACCESS_DENIED');
  });
});

describe('portDirectory()', () => {
  afterEach(() => {
    delete process.env['PORTCALL_SYSTEM_DIR'];
  });

  it('is the choice of the program, without dots', () => {
    expect(portDirectory('system', '/a/../b')).toBe('/b');
    expect(portDirectory('session', 'rel')).toBe(join(process.cwd(), 'rel'));
  });

  it('of system ports is one for all users, unless the environment says otherwise', () => {
    expect(portDirectory('system')).toBe('/run/portcall');
    process.env['PORTCALL_SYSTEM_DIR'] = '/run/other';
    expect(portDirectory('system')).toBe('/run/other');
    expect(portDirectory('session')).not.toBe('/run/other');
  });
});
