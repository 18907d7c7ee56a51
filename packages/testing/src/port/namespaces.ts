import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { bytesText, textBytes } from '../bytes.js';
import { because, type TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Where names live, and how they change hands. */
export function describeNamespaces(subject: TransportUnderTest): void {
  describeKinds(subject);
  describeHandover(subject);
}

function describeKinds(subject: TransportUnderTest): void {
  describe('port 1, namespaces: kinds', () => {
    const world = usePortWorld(subject);
    const isMemory = subject.name === 'memory';

    it('inproc: stays in the process, by itself', async () => {
      const auto = { transport: 'auto' } as const;
      const options = { server: { ...auto, onMessage: echo }, client: auto };
      const { client } = await world.pair(options, 'inproc:a/b');
      expect(client.transportName).toBe('memory');
      expect(bytesText(await client.request(textBytes('here')))).toBe('here');
      expect(world.runtime.list()).toEqual([]);
      await expectCode(world.createPort(auto, 'inproc:a/b'), 'PORT_NAME_IN_USE');
      await expectCode(world.connect(auto, 'inproc:a'), 'PORT_NOT_FOUND');
    });

    it('inproc: is a TypeError over a transport that leaves the process', async () => {
      if (isMemory) {
        await world.pair({}, 'inproc:a');
        return;
      }
      for (const attempt of [world.createPort({}, 'inproc:a'), world.connect({}, 'inproc:a')]) {
        expect(await rejectionOf('inproc:', attempt)).toBeInstanceOf(TypeError);
      }
    });

    it('unnamed: makes a name up, each time another', async () => {
      const first = await world.createPort({ onMessage: echo }, 'unnamed:');
      const second = await world.createPort({}, 'unnamed:');
      expect(first.name).toMatch(/^unnamed:[0-9a-f]{32}$/);
      expect(second.name).not.toBe(first.name);
      const client = await world.connect({}, first.name);
      expect(bytesText(await client.request(textBytes('found')))).toBe('found');
      await expectCode(world.createPort({}, first.name), 'PORT_NAME_INVALID');
      await expectCode(world.connect({}, 'unnamed:'), 'PORT_NAME_INVALID');
      const nobody = `unnamed:${'0'.repeat(32)}`;
      await expectCode(world.connect({}, nobody), 'PORT_NOT_FOUND');
    });

    it('abstract: needs a transport that knows its peers, and no file', async () => {
      const name = `abstract:test/${process.pid}`;
      if (!subject.hasIdentity) {
        await expectCode(world.createPort({}, name), 'ACCESS_DENIED');
        await expectCode(world.connect({}, name), 'ACCESS_DENIED');
        return;
      }
      const { client } = await world.pair({ server: { onMessage: echo } }, name);
      expect(bytesText(await client.request(textBytes('abstract')))).toBe('abstract');
      expect(world.runtime.list()).toEqual([]);
      await expectCode(world.createPort({}, name), 'PORT_NAME_IN_USE');
    });

    it('are apart: the same path in two of them is two ports', async () => {
      const auto = { transport: 'auto' } as const;
      const say = (text: string) => ({
        onConnect: (request: { accept(options: { info: Uint8Array }): void }) =>
          request.accept({ info: textBytes(text) }),
      });
      await world.createPort(say('session'), 'x');
      await world.createPort({ ...auto, ...say('inproc') }, 'inproc:x');
      expect(bytesText((await world.connect({}, 'session:x')).info)).toBe('session');
      expect(bytesText((await world.connect(auto, 'inproc:x')).info)).toBe('inproc');
    });
  });

  const isRoot = process.geteuid?.() === 0;
  const noFiles = subject.hasFiles ? undefined : 'there are no files';
  const reason = noFiles ?? (isRoot ? undefined : 'only root owns a system directory');
  describe.skipIf(reason !== undefined)(`port 1, namespaces: system${because(reason)}`, () => {
    const world = usePortWorld(subject);

    it('takes the mode of the socket from the list', async ({ skip }) => {
      skip(!subject.hasIdentity, 'without identity the mode alone protects a port');
      const directory = `${world.runtime.directory}/system`;
      mkdirSync(directory);
      chmodSync(directory, 0o755);
      const lists = [
        [[{ action: 'allow', uid: 0 }], 0o600],
        [[{ action: 'allow', gid: 64_020 }], 0o660],
        [[{ action: 'allow' }], 0o666],
      ] as const;
      for (const [acl, mode] of lists) {
        const server = await world.createPort({ directory, acl }, 'system:p');
        const stats = lstatSync(`${directory}/p`);
        expect([stats.mode & 0o777, stats.uid]).toEqual([mode, 0]);
        await within('the server to close', server.close());
      }
      rmSync(directory, { recursive: true });
    });
  });
}

function describeHandover(subject: TransportUnderTest): void {
  const reason = subject.hasFiles ? undefined : 'its names are objects of their owner';
  describe.skipIf(reason !== undefined)(`port 2, ownership: handover${because(reason)}`, () => {
    const world = usePortWorld(subject);
    const handover = true;

    it('is PORT_NAME_IN_USE unless both sides want it', async () => {
      await world.createPort({}, 'one');
      await expectCode(world.createPort({ handover }, 'one'), 'PORT_NAME_IN_USE');
      await world.createPort({ handover }, 'two');
      await expectCode(world.createPort({}, 'two'), 'PORT_NAME_IN_USE');
      await world.connect({}, 'one');
      await world.connect({}, 'two');
    });

    it('gives the name to the new server; the old one drains and closes', async () => {
      const { held, onMessage } = holding();
      const options = { server: { handover, onMessage } };
      const { server: old, client } = await world.pair(options, 'name');
      const replied = client.request(textBytes('before'));
      await waitUntil('the request', () => held.length === 1);
      await world.createPort({ handover, onMessage: echo }, 'name');
      await within('the handover', old.handedOver);
      const next = await world.connect({}, 'name');
      expect(bytesText(await next.request(textBytes('new')))).toBe('new');
      await held[0]!.reply(textBytes('from the old one'));
      expect(bytesText(await replied)).toBe('from the old one');
      expect(await within('the old end', client.closed)).toMatchObject({ reason: 'closed' });
      expect(bytesText(await next.request(textBytes('still')))).toBe('still');
    });

    it('keeps no client waiting who connects meanwhile', async () => {
      let server = await world.createPort({ handover, onMessage: echo }, 'name');
      const over = new AbortController();
      const failures: unknown[] = [];
      const connectOn = async (): Promise<number> => {
        let count = 0;
        while (!over.signal.aborted) {
          try {
            const client = await world.connect({}, 'name');
            count++;
            client.abort();
          } catch (error) {
            failures.push(error);
          }
        }
        return count;
      };
      const loops = [connectOn(), connectOn()];
      for (let round = 0; round < 10; round++) {
        const next = await world.createPort({ handover, onMessage: echo }, 'name');
        await within('the handover', server.handedOver);
        server = next;
      }
      over.abort();
      const counts = await Promise.all(loops);
      expect(failures).toEqual([]);
      expect(Math.min(...counts)).toBeGreaterThan(0);
    });

    it('needs the right "admin"', async () => {
      const acl = [{ action: 'allow' }] as const; // Connect, call and activate.
      await world.createPort({ handover, acl }, 'name');
      const error = await expectCode(world.createPort({ handover }, 'name'), 'ACCESS_DENIED');
      expect(error.message).toContain('"admin"');
      await world.connect({}, 'name');
    });
  });
}
