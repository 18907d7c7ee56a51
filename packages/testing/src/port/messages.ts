import { describe, expect, it } from 'vitest';

import type { PortMessage } from '@portcall/port';

import {
  bytesText,
  numberOf,
  numberedBytes,
  patternBytes,
  sameBytes,
  textBytes,
} from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { usePortWorld } from './port-world.js';

/** Answers with what it got. */
export async function echo(message: PortMessage): Promise<void> {
  if (message.isRequest) await message.reply(message.data);
}

/** Messages, their sizes and their order. */
export function describeMessages(subject: TransportUnderTest): void {
  describe('port 11, operations: request() and send()', () => {
    const world = usePortWorld(subject);

    it('carry a request and its reply', async () => {
      const { client } = await world.pair({
        server: { onMessage: (message) => void message.reply(textBytes('pong')) },
      });
      expect(bytesText(await client.request(textBytes('ping')))).toBe('pong');
    });

    it('carry requests from the server to the client', async () => {
      const { accepted } = await world.pair({ client: { onMessage: echo } });
      expect(bytesText(await accepted.request(textBytes('back')))).toBe('back');
    });

    it('carry datagrams both ways, and tell them from requests', async () => {
      const seen: string[] = [];
      let bothCame: () => void = () => undefined;
      const both = new Promise<void>((resolve) => (bothCame = resolve));
      const onMessage = (message: PortMessage): void => {
        seen.push(`${bytesText(message.data)} ${message.isRequest}`);
        if (seen.length === 2) bothCame();
      };
      const { client, accepted } = await world.pair({
        server: { onMessage },
        client: { onMessage },
      });
      await client.send(textBytes('up'));
      await accepted.send(textBytes('down'));
      await within('both datagrams', both);
      expect(seen.toSorted()).toEqual(['down false', 'up false']);
    });

    it('match replies to requests by their id, not their order', async () => {
      const held: PortMessage[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            message.defer();
            held.push(message);
            if (held.length < 64) return;
            for (const one of held.toReversed()) await one.reply(one.data);
          },
        },
      });
      const replies = await Promise.all(
        Array.from({ length: 64 }, (_, index) => client.request(numberedBytes(index, 16))),
      );
      expect(replies.map(numberOf)).toEqual(Array.from({ length: 64 }, (_, index) => index));
    });

    it('give the receiver data that stays as it is', async () => {
      const kept: Uint8Array[] = [];
      const { client } = await world.pair({
        server: {
          ringBytes: 4096,
          onMessage: async (message) => {
            kept.push(message.data);
            await message.reply(message.data);
          },
        },
        client: { ringBytes: 4096 },
      });
      const replies: Uint8Array[] = [];
      for (let index = 0; index < 100; index++) {
        replies.push(await client.request(numberedBytes(index, 700)));
      }
      const same = (bytes: Uint8Array, index: number): boolean =>
        sameBytes(bytes, numberedBytes(index, 700));
      expect(kept.every(same)).toBe(true);
      expect(replies.every(same)).toBe(true);
    });

    it('let the sender use its buffer again once send() has resolved', async () => {
      const seen: number[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            seen.push(message.data[0] ?? -1, message.data[message.data.length - 1] ?? -1);
            await echo(message);
          },
        },
      });
      const buffer = new Uint8Array(50_000);
      for (let index = 1; index <= 50; index++) {
        const part = buffer.subarray(0, index % 2 === 0 ? 100 : 50_000).fill(index);
        await client.send(part);
      }
      buffer.fill(255);
      await client.request(new Uint8Array([51]));
      const wanted = Array.from({ length: 51 }, (_, index) => [index + 1, index + 1]).flat();
      expect(seen).toEqual(wanted);
    });
  });

  describeSizes(subject);
  describeOrder(subject);
}

const RING_BYTES = 64 * 1024;
const INLINE_LIMIT = 8 * 1024;
const MESSAGE_LIMIT = 256 * 1024;

/** Around every place where something changes: mode, half a ring, a ring, the limit. */
function boundarySizes(): number[] {
  const around = [INLINE_LIMIT, RING_BYTES / 2 - 40, RING_BYTES / 2, RING_BYTES];
  return [
    0,
    1,
    7,
    8,
    9,
    255,
    256,
    257,
    ...around.flatMap((size) => [size - 1, size, size + 1]),
    MESSAGE_LIMIT - 1,
    MESSAGE_LIMIT,
  ];
}

function describeSizes(subject: TransportUnderTest): void {
  describe('port 9, modes: sizes', () => {
    const world = usePortWorld(subject);
    const attributes = { inlineLimit: INLINE_LIMIT, maxMessageLength: MESSAGE_LIMIT };
    const side = { attributes, ringBytes: RING_BYTES };

    it('arrive whole at every boundary, there and back', async () => {
      const { client } = await world.pair({ server: { ...side, onMessage: echo }, client: side });
      for (const size of boundarySizes()) {
        const data = patternBytes(size, size);
        expect({ size, same: sameBytes(await client.request(data), data) }).toEqual({
          size,
          same: true,
        });
      }
    });

    it('arrive whole when half a ring is less than inlineLimit', async () => {
      const wide = { attributes: { ...attributes, inlineLimit: MESSAGE_LIMIT }, ringBytes: 8192 };
      const { client } = await world.pair({ server: { ...wide, onMessage: echo }, client: wide });
      for (const size of [4000, 4040, 4048, 4049, 4056, 4057, 4064, 4096, 8192, 100_000]) {
        const data = patternBytes(size, size);
        expect({ size, same: sameBytes(await client.request(data), data) }).toEqual({
          size,
          same: true,
        });
      }
    });

    it('over the limit are MESSAGE_TOO_LONG with both numbers; the port lives', async () => {
      const { client } = await world.pair({ server: { ...side, onMessage: echo }, client: side });
      const data = new Uint8Array(MESSAGE_LIMIT + 1);
      for (const promise of [client.request(data), client.send(data)]) {
        const error = await expectCode(promise, 'MESSAGE_TOO_LONG');
        expect(error.message).toMatch(/262145 bytes.*262144 bytes/);
        expect(error.executed).toBe('no');
      }
      expect(bytesText(await client.request(textBytes('alive')))).toBe('alive');
    });

    it('over the limit leave a request open when it was the reply', async () => {
      const { client } = await world.pair({
        server: {
          ...side,
          onMessage: async (message) => {
            const error = await expectCode(
              message.reply(new Uint8Array(MESSAGE_LIMIT + 1)),
              'MESSAGE_TOO_LONG',
            );
            await message.reply(textBytes(error.message));
          },
        },
        client: side,
      });
      const text = bytesText(await client.request(textBytes('?')));
      expect(text).toMatch(/262145 bytes.*262144 bytes/);
    });

    it('are bounded by the smaller of both limits', async () => {
      const { client, accepted } = await world.pair({
        server: { attributes: { maxMessageLength: 1000 }, onMessage: echo },
        client: { attributes: { maxMessageLength: 2000 }, onMessage: echo },
      });
      await expectCode(client.request(new Uint8Array(1001)), 'MESSAGE_TOO_LONG');
      await expectCode(accepted.request(new Uint8Array(1001)), 'MESSAGE_TOO_LONG');
      expect((await client.request(new Uint8Array(1000))).length).toBe(1000);
      expect((await accepted.request(new Uint8Array(1000))).length).toBe(1000);
    });
  });
}

function describeOrder(subject: TransportUnderTest): void {
  describe('port 9, modes: order', () => {
    const world = usePortWorld(subject);
    const COUNT = 10_000;
    const sizeOf = (index: number): number =>
      index % 50 === 7 ? 4097 + (index % 9000) : 4 + ((index * 37) % 300);

    it('is one FIFO for 10 000 messages of mixed sizes, each direction at once', async () => {
      const attributes = { inlineLimit: 4096 };
      const received = { up: [] as string[], down: [] as string[] };
      const check =
        (into: string[]) =>
        (message: PortMessage): void => {
          const index = into.length;
          const same = sameBytes(message.data, numberedBytes(index, sizeOf(index)));
          into.push(same ? 'ok' : `message ${numberOf(message.data)} came as number ${index}`);
          if (message.isRequest) void message.reply(message.data.subarray(0, 4));
        };
      const { client, accepted } = await world.pair({
        server: { attributes, onMessage: check(received.up) },
        client: { attributes, onMessage: check(received.down) },
      });
      const sendAll = async (port: typeof client): Promise<void> => {
        for (let index = 0; index < COUNT;) {
          const batch: Promise<unknown>[] = [];
          for (const end = Math.min(index + 200, COUNT); index < end; index++) {
            const data = numberedBytes(index, sizeOf(index));
            batch.push(index % 10 === 3 ? port.request(data) : port.send(data));
          }
          await Promise.all(batch);
        }
        await port.request(numberedBytes(COUNT, sizeOf(COUNT)));
      };
      await Promise.all([sendAll(client), sendAll(accepted)]);
      for (const list of [received.up, received.down]) {
        expect(list.length).toBe(COUNT + 1);
        expect(list.find((text) => text !== 'ok')).toBe(undefined);
      }
    });

    it('holds through rings of 4 KiB that are full in both directions', async () => {
      const side = { ringBytes: 4096, attributes: { inlineLimit: 1024 } };
      const received = { up: [] as number[], down: [] as number[] };
      const { client, accepted } = await world.pair({
        server: { ...side, onMessage: (message) => void received.up.push(numberOf(message.data)) },
        client: {
          ...side,
          onMessage: (message) => void received.down.push(numberOf(message.data)),
        },
      });
      const wanted = Array.from({ length: 900 }, (_, index) => index);
      const size = (index: number): number => (index % 20 === 0 ? 1500 : 600);
      const flood = (port: typeof client): Promise<unknown> =>
        Promise.all(wanted.map((index) => port.send(numberedBytes(index, size(index)))));
      await within('both floods', Promise.all([flood(client), flood(accepted)]), 10_000);
      // A request that is answered has overtaken nothing: all before it has arrived.
      await Promise.allSettled([
        client.request(numberedBytes(900, 4)),
        accepted.request(numberedBytes(900, 4)),
      ]);
      expect(received.up).toEqual([...wanted, 900]);
      expect(received.down).toEqual([...wanted, 900]);
    });
  });
}
