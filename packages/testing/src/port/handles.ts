import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { loadNative } from '@portcall/native';
import type { HandleType, PortHandle } from '@portcall/port';

import { bytesText, patternBytes, textBytes } from '../bytes.js';
import { collectGarbage } from '../collect-garbage.js';
import { because, type TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { usePortWorld, type PairOptions, type PortWorld } from './port-world.js';

const ALL_TYPES: readonly HandleType[] = ['file', 'directory', 'pipe', 'memory', 'socket'];

/** Both sides let the types travel, and the server wants them. */
function enabling(dupObjectTypes: readonly HandleType[] = ALL_TYPES): Required<PairOptions> {
  const attributes = { dupObjectTypes };
  return { server: { attributes, wants: ['handle'] }, client: { attributes } };
}

/** Descriptors that travel with messages. */
export function describeHandles(subject: TransportUnderTest): void {
  describeRefusedHandles(subject);
  const { descriptors } = subject.lacks;
  describe.skipIf(descriptors !== undefined)(`port 17, handles${because(descriptors)}`, () => {
    describeTypes(subject);
    describeOwners(subject);
  });
}

/** Open descriptors of this process. */
function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** A file with a text, open for reading. */
function openFile(world: PortWorld, text: string): number {
  const path = `${world.runtime.directory}/file`;
  writeFileSync(path, text);
  const descriptor = openSync(path, 'r');
  rmSync(path);
  return descriptor;
}

function describeRefusedHandles(subject: TransportUnderTest): void {
  describe('port 17, handles: refused', () => {
    const world = usePortWorld(subject);

    /** What becomes of sending a file. */
    async function sendFile(options: PairOptions): Promise<unknown> {
      const file = openFile(world, 'text');
      try {
        const { client } = await world.pair(options);
        const failed = client.send(textBytes('.'), { handles: [file] });
        await expectCode(failed, 'ACCESS_DENIED');
        await client.send(textBytes('the connection lives'));
        return fstatSync(file); // It stays the sender's.
      } finally {
        closeSync(file);
      }
    }

    it('are ACCESS_DENIED where nobody enables any', async () => {
      await sendFile({});
    });

    it('are ACCESS_DENIED where one side does not enable the type', async () => {
      const { server, client } = enabling();
      await sendFile({ server, client: {} });
      const attributes = { dupObjectTypes: ['pipe', 'socket'] as const };
      const second = await world.createPort({ attributes, wants: ['handle'] }, 'second');
      const other = await world.connect(client, second.name);
      const file = openFile(world, 'text');
      await expectCode(other.send(textBytes('.'), { handles: [file] }), 'ACCESS_DENIED');
      closeSync(file);
    });

    it.skipIf(subject.lacks.descriptors === undefined)(
      'are ACCESS_DENIED where the transport has none, whatever is enabled',
      async () => {
        await sendFile(enabling());
        expect(subject.create().capabilities.descriptors).toBe(false);
      },
    );

    it('are an error for what is no descriptor', async () => {
      const { client } = await world.pair(enabling());
      const failed = client.send(textBytes('.'), { handles: [987_654] });
      expect(String(await rejectionOf('send', failed))).toContain('EBADF');
    });
  });
}

function describeTypes(subject: TransportUnderTest): void {
  describe('of each type', () => {
    const world = usePortWorld(subject);

    /** Sends one descriptor and gives what arrives, in a handler that lets `use` have it. */
    async function pass(
      descriptor: number,
      use: (handle: PortHandle) => void | Promise<void>,
    ): Promise<void> {
      const { server, client } = enabling();
      const pair = await world.pair({
        client,
        server: {
          ...server,
          onMessage: async (message) => {
            const { handle = [], valid } = message.attributes;
            expect([handle.length, [...valid]]).toEqual([1, ['handle']]);
            await use(handle[0]!);
            await message.reply(message.data);
          },
        },
      });
      const reply = await pair.client.request(textBytes('take'), { handles: [descriptor] });
      expect(bytesText(reply)).toBe('take');
    }

    it('file: can be read', async () => {
      const file = openFile(world, 'text of a file');
      await pass(file, async (handle) => {
        expect(handle.type).toBe('file');
        const chunks: Buffer[] = [];
        for await (const chunk of handle.toReadStream()) chunks.push(chunk as Buffer);
        expect(Buffer.concat(chunks).toString()).toBe('text of a file');
      });
      closeSync(file);
    });

    it('directory: says which one it is', async () => {
      const path = `${world.runtime.directory}/folder`;
      mkdirSync(path);
      const folder = openSync(path, constants.O_DIRECTORY);
      await pass(folder, (handle) => {
        expect(handle.type).toBe('directory');
        const descriptor = handle.claim();
        expect(readlinkSync(`/proc/self/fd/${descriptor}`)).toBe(path);
        closeSync(descriptor);
      });
      closeSync(folder);
      rmSync(path, { recursive: true });
    });

    it('pipe: can be written', async () => {
      const path = `${world.runtime.directory}/pipe`;
      execFileSync('mkfifo', [path]);
      const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      rmSync(path);
      await pass(pipe, async (handle) => {
        expect(handle.type).toBe('pipe');
        const stream = handle.toWriteStream();
        stream.end('through the pipe');
        await once(stream, 'close');
      });
      const bytes = Buffer.alloc(100);
      expect(bytes.subarray(0, readSync(pipe, bytes)).toString()).toBe('through the pipe');
      closeSync(pipe);
    });

    it('memory: is the same memory', async () => {
      const memory = openMemory(4096);
      await pass(memory, (handle) => {
        expect(handle.type).toBe('memory');
        const descriptor = handle.claim();
        writeSync(descriptor, 'written at the server', 0);
        closeSync(descriptor);
      });
      const bytes = Buffer.alloc(21);
      readSync(memory, bytes, { position: 0 });
      expect(bytes.toString()).toBe('written at the server');
      closeSync(memory);
    });

    it('socket: can be talked through', async () => {
      const { near, far, close } = await connectedSockets(world);
      await pass(descriptorOf(far), async (handle) => {
        expect(handle.type).toBe('socket');
        const socket = handle.toSocket();
        socket.end('from the server');
        await once(socket, 'finish');
        socket.destroy();
      });
      const [data] = (await within('the data', once(near, 'data'))) as [Buffer];
      expect(data.toString()).toBe('from the server');
      await close();
    });

    it('a device is ACCESS_DENIED, whatever is enabled', async () => {
      const { client } = await world.pair(enabling());
      const device = openSync('/dev/null', 'r');
      const error = await expectCode(
        client.send(textBytes('.'), { handles: [device] }),
        'ACCESS_DENIED',
      );
      expect(error.message).toContain('no known type');
      closeSync(device);
    });
  });
}

/** A memfd; Node has no way to one. */
function openMemory(bytes: number): number {
  const { binding, reason } = loadNative();
  if (binding === undefined) throw new Error(`Cannot make memory: ${reason}`);
  const memory = binding.memfdCreate('test', bytes);
  binding.disown(memory);
  return memory;
}

/** What Node does not say: the descriptor of a socket. */
function descriptorOf(socket: Socket): number {
  return (Reflect.get(socket, '_handle') as { readonly fd: number }).fd;
}

/** Two ends of a Unix socket connection. */
async function connectedSockets(world: PortWorld): Promise<{
  near: Socket;
  far: Socket;
  close(): Promise<void>;
}> {
  const path = `${world.runtime.directory}/sockets`;
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = connect(path);
  const [far] = await accepted;
  return {
    near,
    far,
    async close() {
      near.destroy();
      far.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function describeOwners(subject: TransportUnderTest): void {
  describe('of whom', () => {
    const world = usePortWorld(subject);

    it('stay the sender’s, and copies arrive', async () => {
      const { held, onMessage } = holding();
      const { server, client } = enabling();
      const pair = await world.pair({ client, server: { ...server, onMessage } });
      const file = openFile(world, 'text');
      await pair.client.send(textBytes('.'), { handles: [{ fd: file }] });
      await waitUntil('the message', () => held.length === 1);
      expect(fstatSync(file).size).toBe(4);
      closeSync(file);
    });

    it('are up to 4, in order; five are a RangeError', async () => {
      const texts = ['a', 'bb', 'ccc', 'dddd', 'eeeee'];
      const sizes: number[] = [];
      const { server, client } = enabling();
      const pair = await world.pair({
        client,
        server: {
          ...server,
          onMessage: async (message) => {
            for (const handle of message.attributes.handle ?? []) {
              const descriptor = handle.claim();
              sizes.push(fstatSync(descriptor).size);
              closeSync(descriptor);
            }
            await message.reply(message.data);
          },
        },
      });
      const handles = texts.map((text) => openFile(world, text));
      const five = rejectionOf('five', pair.client.send(textBytes('.'), { handles }));
      expect(await five).toBeInstanceOf(RangeError);
      for (const length of [4, 1, 3]) {
        await pair.client.request(patternBytes(length * 16_000), {
          handles: handles.slice(0, length),
        });
      }
      expect(sizes).toEqual([1, 2, 3, 4, 1, 1, 2, 3]);
      for (const handle of handles) closeSync(handle);
    });

    it('are closed when the handler returns, unless they are claimed', async () => {
      const kept: number[] = [];
      const seen: PortHandle[] = [];
      const { server, client } = enabling();
      const pair = await world.pair({
        client,
        server: {
          ...server,
          onMessage: async (message) => {
            const [first, second] = message.attributes.handle ?? [];
            seen.push(first!, second!);
            kept.push(first!.claim());
            if (message.isRequest) await message.reply(message.data);
          },
        },
      });
      const file = openFile(world, 'text');
      const before = countDescriptors();
      for (let round = 0; round < 20; round++) {
        await pair.client.request(textBytes('?'), { handles: [file, file] });
      }
      await waitUntil('unclaimed ones to be closed', () => countDescriptors() === before + 20);
      expect(seen.every(({ isOpen }) => !isOpen)).toBe(true);
      expect(() => seen[1]!.claim()).toThrow('claimed or closed already');
      for (const descriptor of kept) {
        expect(readFileSync(descriptor, 'utf8').length).toBeLessThanOrEqual(4);
        closeSync(descriptor);
      }
      expect(countDescriptors()).toBe(before);
      closeSync(file);
    });

    it('are closed when the handler fails', async () => {
      const { server, client } = enabling();
      const pair = await world.pair({
        client,
        server: {
          ...server,
          onMessage: () => Promise.reject(new Error('planned failure of a handler')),
        },
      });
      const file = openFile(world, 'text');
      const before = countDescriptors();
      for (let round = 0; round < 5; round++) {
        const failed = pair.client.request(textBytes('?'), { handles: [file, file] });
        await expectCode(failed, 'SERVER_FAULT');
      }
      await waitUntil('all to be closed', () => countDescriptors() === before);
      closeSync(file);
    });

    it('are not sent to a receiver that does not want them', async () => {
      const { held, onMessage } = holding();
      const { server, client } = enabling();
      const pair = await world.pair({ client, server: { ...server, wants: [], onMessage } });
      const file = openFile(world, 'text');
      const before = countDescriptors();
      await pair.client.send(textBytes('.'), { handles: [file] });
      await waitUntil('the message', () => held.length === 1);
      expect([held[0]!.attributes.valid.size, countDescriptors()]).toEqual([0, before]);
      closeSync(file);
    });

    it('are closed with a request that is refused before any handler', async () => {
      const { server, client } = enabling();
      const acl = [{ action: 'allow', rights: ['connect'] }] as const;
      const pair = await world.pair({ client, server: { ...server, acl } });
      const file = openFile(world, 'text');
      const before = countDescriptors();
      for (let round = 0; round < 5; round++) {
        const failed = pair.client.request(textBytes('?'), { handles: [file] });
        await expectCode(failed, 'ACCESS_DENIED');
      }
      await waitUntil('all to be closed', () => countDescriptors() === before);
      closeSync(file);
    });

    it('of messages that nobody receives are closed when the port is', async () => {
      const { server, client } = enabling();
      const file = openFile(world, 'text');
      const before = countDescriptors();
      const pair = await world.pair({ client, server });
      for (let count = 0; count < 5; count++) {
        await pair.client.send(textBytes('.'), { handles: [file] });
      }
      await pair.client.flush();
      await pair.client.close();
      await within('the server to close', pair.server.close());
      await waitUntil('all to be closed', () => countDescriptors() === before);
      closeSync(file);
    });

    it('that a receiver drops without a word are closed when they are collected', async () => {
      const { server, client } = enabling();
      const file = openFile(world, 'text');
      const pair = await world.pair({ client, server });
      const before = countDescriptors();
      for (let count = 0; count < 5; count++) {
        await pair.client.send(textBytes('.'), { handles: [file] });
        expect((await pair.server.receive())!.attributes.handle?.length).toBe(1);
      }
      expect(countDescriptors()).toBe(before + 5);
      await waitUntil('all to be closed', () => {
        collectGarbage();
        return countDescriptors() === before;
      });
      closeSync(file);
    });

    it('do not come through when more are under way than may be', async () => {
      const { server, client } = enabling();
      const file = openFile(world, 'text');
      const pair = await world.pair({
        client,
        server: { ...server, onMessage: (message) => void message.reply(message.data) },
      });
      const replies = await Promise.all(
        Array.from({ length: 300 }, () =>
          pair.client.request(textBytes('?'), { handles: [file, file, file, file] }),
        ),
      );
      expect(replies.length).toBe(300);
      closeSync(file);
    });
  });
}
