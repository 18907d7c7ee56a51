import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { TransportUnderTest } from '../transports.js';
import { within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

const LONG_SEGMENT = 'n'.repeat(64);

/** Four segments, each as long as may be: longer than any socket path. */
const LONG_NAME = [LONG_SEGMENT, LONG_SEGMENT, LONG_SEGMENT, LONG_SEGMENT].join('/');

/** What a port may be called, and who owns a name. */
export function describeNames(subject: TransportUnderTest): void {
  describe('port 1, namespaces: a name', () => {
    const world = usePortWorld(subject);

    it.each([
      'a',
      '_',
      '7',
      'a.b',
      'a-b',
      'A_b.C-9',
      'a/b',
      'a/b/c/d',
      'session:a',
      'session:a/b',
      LONG_SEGMENT,
      `a/${LONG_SEGMENT}`,
      LONG_NAME,
      '_.-',
      'lock',
      'x.lock',
      'x.name',
    ])('may be "%s"', async (name) => {
      const { server, client } = await world.pair({ server: { onMessage: echo } }, name);
      expect(server.name).toBe(name);
      expect((await client.request(new Uint8Array(3))).length).toBe(3);
    });

    it.each([
      '',
      '.',
      '..',
      '-a',
      '.a',
      'a/',
      '/a',
      'a//b',
      'a/b/c/d/e',
      'a b',
      'ä',
      'a\0b',
      'a\nb',
      'a\\b',
      '../a',
      'a/../b',
      'a/./b',
      `${LONG_SEGMENT}n`,
      'a!b',
      '#a',
      'a#b',
      'a:b',
      'global:a',
      'session:',
      'system:',
      'abstract:a//b',
      'inproc:../a',
      'unnamed:a',
      'session:session:a',
      'SESSION:a',
      ':a',
      '%61',
      'a*',
    ])('may not be %j', async (name) => {
      const error = await expectCode(world.createPort({}, name), 'PORT_NAME_INVALID');
      expect(error.executed).toBe('no');
      await expectCode(world.connect({}, name), 'PORT_NAME_INVALID');
    });

    it('is case-sensitive', async () => {
      await world.createPort({}, 'name');
      await world.createPort({}, 'Name');
      await expectCode(world.connect({}, 'NAME'), 'PORT_NOT_FOUND');
    });

    it('does not touch the files of names that look like them', async () => {
      const names = ['x', 'x.lock', 'x.name', 'x.lock.lock'];
      for (const name of names) await world.createPort({}, name);
      for (const name of names) {
        await world.connect({}, name);
        await expectCode(world.createPort({}, name), 'PORT_NAME_IN_USE');
      }
    });

    it('is the same with and without "session:"', async () => {
      await world.createPort({}, 'session:name');
      await world.connect({}, 'name');
      await expectCode(world.createPort({}, 'name'), 'PORT_NAME_IN_USE');
    });

    it('that nobody has is PORT_NOT_FOUND', async () => {
      const error = await expectCode(world.connect({}, 'nobody'), 'PORT_NOT_FOUND');
      expect([error.executed, error.portName]).toEqual(['no', 'nobody']);
      expect(error.message).toContain('"nobody"');
    });

    it('has one owner at a time, who does not notice the attempt', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      for (let round = 0; round < 3; round++) {
        const error = await expectCode(world.createPort(), 'PORT_NAME_IN_USE');
        expect(error.executed).toBe('no');
      }
      expect((await client.request(new Uint8Array(3))).length).toBe(3);
      await world.connect();
    });

    it('is free again after close, again and again', async () => {
      for (let round = 0; round < 5; round++) {
        const server = await world.createPort();
        await world.connect();
        await within('the server to close', server.close());
        await expectCode(world.connect(), 'PORT_NOT_FOUND');
      }
    });

    it('goes to exactly one of many who want it at once', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () => world.createPort()),
      );
      const codes = outcomes.map((outcome) => {
        return outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as { code?: string }).code;
      });
      expect(codes.toSorted()).toEqual([...Array<string>(7).fill('PORT_NAME_IN_USE'), 'ok']);
      await world.connect();
    });
  });
  if (!subject.hasFiles) return;
  describeFiles(subject);
  describeDirectories(subject);
}

/** A socket file behind which nobody listens any more, as a killed server leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.tmp`, resolve));
  renameSync(`${path}.tmp`, path);
  await new Promise((resolve) => server.close(resolve));
}

function describeFiles(subject: TransportUnderTest): void {
  describe('port 2, ownership: files of a name', () => {
    const world = usePortWorld(subject);
    const inRuntime = (leaf: string): string => join(world.runtime.directory, leaf);

    it('are a socket of mode 600 and a lock, and nothing else', async () => {
      await world.createPort({}, 'a/b');
      const files = world.runtime.list();
      expect(files.length).toBe(2);
      expect(files.filter((file) => !file.endsWith('.lock'))).toEqual(['a!b']);
      const stats = lstatSync(inRuntime('a!b'));
      expect([stats.isSocket(), stats.mode & 0o777]).toEqual([true, 0o600]);
    });

    it('are hashed when the name is long, with the name beside them', async () => {
      await world.createPort({}, LONG_NAME);
      const files = readdirSync(world.runtime.directory).toSorted();
      expect(files.length).toBe(3);
      expect(files.every((file) => file.startsWith('#'))).toBe(true);
      const sidecar = files.find((file) => file.endsWith('.name'));
      expect(readFileSync(inRuntime(sidecar!), 'utf8')).toBe(`${LONG_NAME}\n`);
      await expectCode(world.createPort({}, LONG_NAME), 'PORT_NAME_IN_USE');
    });

    it('of a dead owner are replaced', async () => {
      await leaveStaleSocket(inRuntime('stale'));
      await expectCode(world.connect({}, 'stale'), 'PORT_NOT_FOUND');
      await world.createPort({}, 'stale');
      await world.connect({}, 'stale');
    });

    it('of a live owner who holds no lock are not replaced', async () => {
      const foreign = createServer();
      await new Promise<void>((resolve) => foreign.listen(inRuntime('live'), resolve));
      await expectCode(world.createPort({}, 'live'), 'PORT_NAME_IN_USE');
      await new Promise((resolve) => foreign.close(resolve));
    });

    it('are left alone at close when somebody else has replaced them', async () => {
      const server = await world.createPort({}, 'mine');
      writeFileSync(inRuntime('other'), 'not ours');
      renameSync(inRuntime('other'), inRuntime('mine'));
      await within('the server to close', server.close());
      expect(readFileSync(inRuntime('mine'), 'utf8')).toBe('not ours');
      rmSync(inRuntime('mine'));
    });
  });
}

function describeDirectories(subject: TransportUnderTest): void {
  describe('port 2, ownership: runtime directory', () => {
    const world = usePortWorld(subject);
    const own = (leaf: string): string => join(world.runtime.directory, leaf);
    const clear = (leaf: string): void => rmSync(own(leaf), { recursive: true, force: true });

    it('is made when it is not there, with mode 700', async () => {
      const directory = own('deep/er');
      const server = await world.createPort({ directory });
      expect(lstatSync(directory).mode & 0o777).toBe(0o700);
      await world.connect({ directory });
      await within('the server to close', server.close());
      expect(readdirSync(directory)).toEqual([]);
      clear('deep');
    });

    it('below a regular file is ACCESS_DENIED, and says which directory', async () => {
      writeFileSync(own('file'), '');
      const directory = own('file/below');
      const error = await expectCode(world.createPort({ directory }), 'ACCESS_DENIED');
      expect(error.message).toContain(directory);
      expect(error.message).toContain('PORTCALL_RUNTIME_DIR');
      await expectCode(world.connect({ directory }), 'PORT_NOT_FOUND');
      clear('file');
    });

    it('below one that others can write to is ACCESS_DENIED, unless that is sticky', async () => {
      mkdirSync(own('shared'));
      const directory = own('shared/mine');
      chmodSync(own('shared'), 0o777);
      const error = await expectCode(world.createPort({ directory }), 'ACCESS_DENIED');
      expect(error.message).toContain(`others can write to ${own('shared')}`);
      chmodSync(own('shared'), 0o1777);
      const server = await world.createPort({ directory });
      chmodSync(own('shared'), 0o777);
      await expectCode(world.connect({ directory }), 'ACCESS_DENIED');
      await within('the server to close', server.close());
      clear('shared');
    });

    it.each([0o755, 0o770, 0o707, 0o722])('of mode %o is ACCESS_DENIED', async (mode) => {
      const directory = own('open');
      mkdirSync(directory);
      chmodSync(directory, mode);
      const error = await expectCode(world.createPort({ directory }), 'ACCESS_DENIED');
      expect(error.message).toContain(`mode is ${mode.toString(8)}`);
      expect(readdirSync(directory)).toEqual([]);
      clear('open');
    });

    it('that is a link is ACCESS_DENIED', async () => {
      mkdirSync(own('real'), { mode: 0o700 });
      symlinkSync(own('real'), own('link'));
      await expectCode(world.createPort({ directory: own('link') }), 'ACCESS_DENIED');
      expect(existsSync(own('link'))).toBe(true);
      clear('real');
      clear('link');
    });

    it('of another user is ACCESS_DENIED', async ({ skip }) => {
      skip(process.geteuid?.() !== 0, 'only root can give a directory to another user');
      const directory = own('foreign');
      mkdirSync(directory, { mode: 0o700 });
      chownSync(directory, 12_345, 12_345);
      const error = await expectCode(world.createPort({ directory }), 'ACCESS_DENIED');
      expect(error.message).toContain('user 12345');
      clear('foreign');
    });

    it('that is too long for a socket path is PORT_NAME_INVALID', async () => {
      const directory = own('d'.repeat(100));
      await expectCode(world.createPort({ directory }, 'n'), 'PORT_NAME_INVALID');
      await expectCode(world.connect({ directory }, 'n'), 'PORT_NAME_INVALID');
      clear('d'.repeat(100));
    });
  });
}
