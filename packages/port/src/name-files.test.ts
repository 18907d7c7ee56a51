import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Nest, fileIdOf, removeLeftovers, squatterAt, unlinkIf } from './name-files.js';
import { parsePortName, portPaths } from './port-name.js';

const isRoot = process.geteuid?.() === 0;
const ROOT_ONLY = 'only root can give files to other users';
const STRANGER = 64_007;
const ACCESS = { mode: 0o600, gid: undefined };
const LONG = `${'x'.repeat(64)}/${'y'.repeat(64)}`;

let folder = '';
let servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-files-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true });
});

const at = (leaf: string): string => join(folder, leaf);

async function listen(path: string): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((done) => server.listen(path, done));
}

describe('squatterAt()', () => {
  it('finds none in an empty place, a socket of ours, a file of ours', async () => {
    await listen(at('s'));
    writeFileSync(at('f'), '');
    expect(squatterAt(at('none'), 'socket')).toBeUndefined();
    expect(squatterAt(at('s'), 'socket')).toBeUndefined();
    expect(squatterAt(at('f'), 'file')).toBeUndefined();
  });

  it('names what is there instead', async () => {
    await listen(at('s'));
    writeFileSync(at('file'), '');
    mkdirSync(at('directory'));
    symlinkSync(at('s'), at('link'));
    execFileSync('mkfifo', [at('pipe')]);
    expect(squatterAt(at('file'), 'socket')).toBe(`${at('file')} is a regular file`);
    expect(squatterAt(at('s'), 'file')).toBe(`${at('s')} is a socket`);
    for (const wanted of ['socket', 'file'] as const) {
      expect(squatterAt(at('directory'), wanted)).toBe(`${at('directory')} is a directory`);
      expect(squatterAt(at('link'), wanted)).toBe(`${at('link')} is a symbolic link`);
      expect(squatterAt(at('pipe'), wanted)).toBe(`${at('pipe')} is a pipe`);
    }
    expect(squatterAt('/dev/null', 'file')).toBe('/dev/null is a device');
  });

  it('finds a second name of a file elsewhere', async () => {
    await listen(at('s'));
    writeFileSync(at('f'), '');
    linkSync(at('s'), at('s2'));
    linkSync(at('f'), at('f2'));
    expect(squatterAt(at('s2'), 'socket')).toContain('hard link, one of 2');
    expect(squatterAt(at('f2'), 'file')).toContain('hard link, one of 2');
  });

  it.skipIf(!isRoot)(`finds what another user owns (${ROOT_ONLY})`, async () => {
    await listen(at('s'));
    chownSync(at('s'), STRANGER, STRANGER);
    expect(squatterAt(at('s'), 'socket')).toBe(`user ${STRANGER} owns ${at('s')}`);
  });
});

describe('unlinkIf()', () => {
  it('removes that file, and no other at the same path', () => {
    writeFileSync(at('f'), 'mine');
    const id = fileIdOf(at('f'));
    writeFileSync(at('other'), 'other');
    renameSync(at('other'), at('f'));
    unlinkIf(at('f'), id);
    expect(readFileSync(at('f'), 'utf8')).toBe('other');
    unlinkIf(at('f'), fileIdOf(at('f')));
    unlinkIf(at('f'), id);
    expect(existsSync(at('f'))).toBe(false);
  });

  it('does not remove what a link at the path leads to', () => {
    writeFileSync(at('f'), '');
    symlinkSync(at('f'), at('link'));
    unlinkIf(at('link'), fileIdOf(at('f')));
    expect(readdirSync(folder).toSorted()).toEqual(['f', 'link']);
  });
});

describe('Nest', () => {
  const files = (name: string) => {
    return { ...portPaths(folder, parsePortName(name)), directory: folder };
  };

  it('moves a socket into place over another, and leaves nothing', async () => {
    const place = files('n');
    await listen(place.socket);
    const before = fileIdOf(place.socket);
    const nest = new Nest(folder);
    await listen(nest.socket);
    const { socket, sidecar } = nest.moveIn(place, parsePortName('n'), ACCESS);
    nest.discard();
    expect(sidecar).toBeUndefined();
    expect(fileIdOf(place.socket)?.ino).toBe(socket?.ino);
    expect(socket?.ino).not.toBe(before?.ino);
    expect(readdirSync(folder)).toEqual(['n']);
  });

  it('puts the name beside a hashed leaf: mode 600, for a system port 644', async () => {
    for (const [name, mode] of [
      [LONG, 0o600],
      [`system:${LONG}`, 0o644],
    ] as const) {
      const place = files(name);
      const nest = new Nest(folder);
      await listen(nest.socket);
      const umask = process.umask(0o077);
      const placed = nest.moveIn(place, parsePortName(name), ACCESS);
      process.umask(umask);
      nest.discard();
      expect(readFileSync(place.sidecar!, 'utf8')).toBe(`${LONG}\n`);
      expect(lstatSync(place.sidecar!).mode & 0o777).toBe(mode);
      expect(fileIdOf(place.sidecar!)?.ino).toBe(placed.sidecar?.ino);
    }
  });

  it.skipIf(!isRoot)(`gives the socket to a group (${ROOT_ONLY})`, async () => {
    const nest = new Nest(folder);
    await listen(nest.socket);
    const access = { mode: 0o660, gid: STRANGER };
    nest.moveIn(files('n'), parsePortName('n'), access);
    nest.discard();
    expect([lstatSync(at('n')).uid, lstatSync(at('n')).gid]).toEqual([0, STRANGER]);
  });

  it('is closed to others whatever the umask is', () => {
    for (const umask of [0, 0o022, 0o077]) {
      const before = process.umask(umask);
      const nest = new Nest(folder);
      process.umask(before);
      const [leaf] = readdirSync(folder);
      expect(lstatSync(at(leaf!)).mode & 0o777).toBe(0o700);
      nest.discard();
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

describe('removeLeftovers()', () => {
  const LATER_MS = 3_600_000;
  const dead = spawnSync(process.execPath, ['-e', '']).pid.toString(36);
  const own = process.pid.toString(36);

  /** As an hour from now: what is made here is old then. */
  function removeLater(): void {
    vi.setSystemTime(Date.now() + LATER_MS);
    try {
      removeLeftovers(folder);
    } finally {
      vi.useRealTimers();
    }
  }

  it('removes old directories and locks of dead processes', async () => {
    mkdirSync(at(`.new-${dead}-aB3dE6`));
    await listen(at(`.new-${dead}-aB3dE6/s`));
    writeFileSync(at(`.new-${dead}-aB3dE6/n`), '');
    mkdirSync(at(`.new-${dead}-empty1`));
    writeFileSync(at(`.new-${dead}-a1b2c3d4`), '');
    removeLater();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves everything else', () => {
    mkdirSync(at(`.new-${own}-living`));
    mkdirSync(at(`.new-${dead}-fuller`));
    writeFileSync(at(`.new-${dead}-fuller/other`), '');
    symlinkSync(at('n'), at(`.new-${dead}-link12`));
    writeFileSync(at('n'), '');
    writeFileSync(at('.new-'), '');
    mkdirSync(at(`.new-${dead}-with.dot`));
    const before = readdirSync(folder);
    removeLater();
    expect(readdirSync(folder)).toEqual(before);
  });

  it('leaves what is young: its process may live where we cannot see it', () => {
    mkdirSync(at(`.new-${dead}-aB3dE6`));
    removeLeftovers(folder);
    expect(readdirSync(folder)).toEqual([`.new-${dead}-aB3dE6`]);
  });

  it.skipIf(!isRoot)(`leaves what another user owns (${ROOT_ONLY})`, () => {
    mkdirSync(at(`.new-${dead}-aB3dE6`));
    chownSync(at(`.new-${dead}-aB3dE6`), STRANGER, STRANGER);
    removeLater();
    expect(readdirSync(folder)).toEqual([`.new-${dead}-aB3dE6`]);
  });
});
