import { describe, expect, it } from 'vitest';

import { listenChannels, type PortMessage } from '@portcall/port';

import { bytesText, patternBytes, sameBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { usePortWorld, type PortWorld } from './port-world.js';

/** Memory of the client that the server reads and writes itself. */
export function describeRanges(subject: TransportUnderTest): void {
  describeReach(subject);
  describeRangeEnds(subject);
}

function describeReach(subject: TransportUnderTest): void {
  describe('port 9, direct: ranges', () => {
    const world = usePortWorld(subject);
    const wants = ['direct'] as const;

    it('are announced with length and access', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants, onMessage } });
      const replied = client.request(textBytes('?'), {
        ranges: [
          { bytes: new Uint8Array(10) },
          { bytes: new Uint8Array(0), access: 'write' },
          { bytes: new Uint8Array(7), access: 'both' },
        ],
      });
      await waitUntil('the request', () => held.length === 1);
      expect([...held[0]!.attributes.valid]).toEqual(['direct']);
      expect(held[0]!.attributes.direct).toEqual([
        { lengthBytes: 10, isReadable: true, isWritable: false },
        { lengthBytes: 0, isReadable: false, isWritable: true },
        { lengthBytes: 7, isReadable: true, isWritable: true },
      ]);
      await held[0]!.reply(textBytes('.'));
      await replied;
      expect(client.capabilities.direct).toBe('emulated');
    });

    it('can be read, whole and in part', async () => {
      const memory = patternBytes(5000, 3);
      const seen: Uint8Array[] = [];
      const { client } = await world.pair({
        server: {
          wants,
          onMessage: async (message) => {
            seen.push(await message.read(0));
            seen.push(await message.read(0, { offset: 100, length: 50 }));
            seen.push(await message.read(0, { offset: 4990 }));
            seen.push(await message.read(0, { offset: 5000, length: 0 }));
            seen.push(await message.read(1, { offset: 2 }));
            await message.reply(message.data);
          },
        },
      });
      const inner = memory.subarray(10, 20);
      await client.request(textBytes('?'), { ranges: [{ bytes: memory }, { bytes: inner }] });
      const wanted = [
        memory,
        memory.subarray(100, 150),
        memory.subarray(4990),
        memory.subarray(5000),
        memory.subarray(12, 20),
      ];
      expect(seen.map((bytes, index) => sameBytes(bytes, wanted[index]!))).toEqual(
        Array.from({ length: 5 }, () => true),
      );
    });

    it('can be written, and nothing beside them is touched', async () => {
      const memory = patternBytes(100, 4);
      const before = memory.slice();
      const { client } = await world.pair({
        server: {
          wants,
          onMessage: async (message) => {
            await message.write(0, new Uint8Array(10).fill(1));
            await message.write(0, new Uint8Array(5).fill(2), 15);
            await message.reply(message.data);
          },
        },
      });
      const bytes = memory.subarray(40, 60);
      await client.request(textBytes('?'), { ranges: [{ bytes, access: 'write' }] });
      before.fill(1, 40, 50);
      before.fill(2, 55, 60);
      expect(sameBytes(memory, before)).toBe(true);
    });

    it('longer than a message are reached in pieces, both ways', async () => {
      const attributes = { maxMessageLength: 10_000, inlineLimit: 4096 };
      const from = patternBytes(345_678, 5);
      const into = new Uint8Array(345_678);
      const { client } = await world.pair({
        server: {
          wants,
          attributes,
          onMessage: async (message) => {
            await message.write(1, await message.read(0));
            await message.reply(textBytes('done'));
          },
        },
        client: { attributes },
      });
      const ranges = [{ bytes: from }, { bytes: into, access: 'write' }] as const;
      const replied = client.request(textBytes('copy'), { ranges });
      expect(bytesText(await within('the copy', replied, 10_000))).toBe('done');
      expect(sameBytes(from, into)).toBe(true);
    });

    it('of several requests at once are not mixed up', async () => {
      const { client } = await world.pair({
        server: {
          wants,
          onMessage: async (message) => {
            await message.reply(await message.read(0));
          },
        },
      });
      const memories = Array.from({ length: 30 }, (_, index) => patternBytes(2000 + index, index));
      const replies = await Promise.all(
        memories.map((bytes) => client.request(textBytes('?'), { ranges: [{ bytes }] })),
      );
      expect(replies.map((reply, index) => sameBytes(reply, memories[index]!))).toEqual(
        memories.map(() => true),
      );
    });

    it('can belong to a request of the server as well', async () => {
      const { accepted } = await world.pair({
        client: {
          wants,
          onMessage: async (message) => {
            await message.reply(await message.read(0));
          },
        },
      });
      const bytes = patternBytes(3000, 6);
      const reply = await accepted.request(textBytes('?'), { ranges: [{ bytes }] });
      expect(sameBytes(reply, bytes)).toBe(true);
    });

    it('are at most 8: nine are a RangeError, and nothing is sent', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants, onMessage } });
      const range = { bytes: new Uint8Array(1) };
      const nine = client.request(textBytes('?'), {
        ranges: Array.from({ length: 9 }, () => range),
      });
      expect(await rejectionOf('nine ranges', nine)).toBeInstanceOf(RangeError);
      const eight = client.request(textBytes('!'), {
        ranges: Array.from({ length: 8 }, () => range),
      });
      await waitUntil('the request', () => held.length === 1);
      expect(held[0]!.attributes.direct?.length).toBe(8);
      await held[0]!.reply(held[0]!.data);
      expect(bytesText(await eight)).toBe('!');
    });
  });
}

/** Source: `docs/PROTOCOL.md` 5 and 5.3. */
const RANGE_TYPE = 7;
const REPLY_TYPE = 2;
const READ = 1;
const WRITE = 2;

/** Operation, range, offset and length of what the server asks for; and how many bytes follow. */
const QUESTIONS: readonly (readonly [number, number, number, number, number])[] = [
  [READ, 0, 0, 100, 0],
  [READ, 0, 1, 100, 0],
  [READ, 1, 0, 1, 0],
  [WRITE, 0, 0, 1, 1],
  [WRITE, 1, 0, 5, 1],
  [READ, 2, 0, 0, 0],
];

/** A server that asks for memory with none of the checks that it should make. */
async function listenRaw(world: PortWorld, answers: string[]): Promise<{ name: string }> {
  const name = 'raw/ranges';
  const listening = await listenChannels(name, { ...world.meeting, wants: ['direct'] }, (port) => {
    const { channel } = port;
    const ask = (id: number, index: number): Promise<void> =>
      new Promise((resolve) => {
        const [operation, range, offset, length, extra] = QUESTIONS[index]!;
        const data = new Uint8Array(24 + extra);
        const view = new DataView(data.buffer);
        view.setUint32(0, operation, true);
        view.setUint32(4, range, true);
        view.setBigUint64(8, BigInt(offset), true);
        view.setBigUint64(16, BigInt(length), true);
        const settle = (answer: string): void => {
          answers.push(answer);
          resolve();
        };
        const messageId = channel.addRequest(
          {
            onReply: ({ lengthBytes }) => settle(`${lengthBytes} bytes`),
            onFailure: ({ code }) => settle(code),
          },
          Infinity,
        );
        const head = { type: RANGE_TYPE, messageId, status: 0, flags: 0, callbackId: id };
        channel.send(head, [data]);
      });
    channel.start({
      onRequest: (request) => {
        void (async () => {
          for (const index of QUESTIONS.keys()) await ask(request.id, index);
          channel.settle(request);
          channel.send({ type: REPLY_TYPE, messageId: request.id, status: 0, flags: 0 }, []);
        })();
      },
      onDatagram: () => undefined,
      onClosed: () => listening.release(channel),
    });
  });
  world.onClose(() => listening.stop());
  return { name };
}

function describeRangeEnds(subject: TransportUnderTest): void {
  describe('port 9, direct: what may not be reached', () => {
    const world = usePortWorld(subject);
    const wants = ['direct'] as const;

    /** A request with two ranges, read-only and write-only, that a server holds. */
    async function heldRequest(signal?: AbortSignal): Promise<{
      message: PortMessage;
      memory: Uint8Array;
      replied: Promise<unknown>;
      client: { abort(): void };
    }> {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants, onMessage } });
      const memory = patternBytes(100, 7);
      const replied = client.request(textBytes('?'), {
        signal,
        ranges: [{ bytes: memory }, { bytes: memory, access: 'write' }],
      });
      replied.catch(() => undefined);
      await waitUntil('the request', () => held.length === 1);
      return { message: held[0]!, memory, replied, client };
    }

    it('is outside of the range, or a range that there is not', async () => {
      const { message, memory, replied } = await heldRequest();
      const before = memory.slice();
      const attempts = [
        message.read(2),
        message.read(-1),
        message.read(0, { offset: 101, length: 0 }),
        message.read(0, { offset: 0, length: 101 }),
        message.read(0, { offset: -1, length: 1 }),
        message.read(0, { offset: 0.5, length: 1 }),
        message.write(1, new Uint8Array(101)),
        message.write(1, new Uint8Array(1), 100),
        message.write(1, new Uint8Array(1), -1),
      ];
      for (const attempt of attempts) {
        expect(await rejectionOf('a range', attempt)).toBeInstanceOf(RangeError);
      }
      await message.reply(textBytes('.'));
      await replied;
      expect(sameBytes(memory, before)).toBe(true);
    });

    it('is what its owner does not allow', async () => {
      const { message, memory, replied } = await heldRequest();
      const before = memory.slice();
      await expectCode(message.write(0, new Uint8Array(1)), 'ACCESS_DENIED');
      await expectCode(message.read(1), 'ACCESS_DENIED');
      await message.reply(textBytes('.'));
      await replied;
      expect(sameBytes(memory, before)).toBe(true);
    });

    it('is anything after the reply', async () => {
      const { message, memory, replied } = await heldRequest();
      await message.reply(textBytes('.'));
      await replied;
      const before = memory.slice();
      await expectCode(message.read(0), 'REPLY_MISMATCH');
      await expectCode(message.write(1, new Uint8Array(1)), 'REPLY_MISMATCH');
      expect(sameBytes(memory, before)).toBe(true);
    });

    it('is anything after the client has cancelled', async () => {
      const aborter = new AbortController();
      const { message, memory, replied } = await heldRequest(aborter.signal);
      const before = memory.slice();
      aborter.abort();
      await rejectionOf('the request', replied);
      await waitUntil('the signal', () => message.signal.aborted);
      await expectCode(message.read(0), 'CANCELED');
      await expectCode(message.write(1, new Uint8Array(1)), 'CANCELED');
      expect(sameBytes(memory, before)).toBe(true);
    });

    it('is anything after the client has gone', async () => {
      const { message, client } = await heldRequest();
      client.abort();
      await waitUntil('the signal', () => message.signal.aborted);
      const error = await expectCode(message.read(0), 'DISCONNECTED');
      expect(error.executed).toBe('no');
    });

    it('is refused by its owner, whatever the server takes for right', async () => {
      const memory = patternBytes(100, 8);
      const before = memory.slice();
      const answers: string[] = [];
      const { name } = await listenRaw(world, answers);
      const client = await world.connect({}, name);
      await client.request(textBytes('?'), {
        ranges: [{ bytes: memory }, { bytes: memory, access: 'write' }],
      });
      const refused = 'INVALID_MESSAGE';
      expect(answers).toEqual(['100 bytes', refused, refused, refused, refused, refused]);
      expect(sameBytes(memory, before)).toBe(true);
    });

    it('is anything where the server did not ask for ranges', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const bytes = new Uint8Array(10);
      const replied = client.request(textBytes('?'), { ranges: [{ bytes }] });
      await waitUntil('the request', () => held.length === 1);
      expect(held[0]!.attributes.valid.size).toBe(0);
      expect(await rejectionOf('a range', held[0]!.read(0))).toBeInstanceOf(RangeError);
      await held[0]!.reply(textBytes('.'));
      await replied;
    });

    it('is anything of a datagram', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants, onMessage } });
      await client.send(textBytes('.'));
      await waitUntil('the datagram', () => held.length === 1);
      await expectCode(held[0]!.read(0), 'REPLY_MISMATCH');
    });
  });
}
