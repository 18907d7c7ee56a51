import { describe, expect, it } from 'vitest';

import { numberOf, numberedBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil } from '../wait-until.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';
import { openRawPair } from './raw-pair.js';

/** Ids of outstanding requests differ modulo this. Source: `docs/PROTOCOL.md` 5. */
const ID_SLOTS = 2048;

const WRAP = 2 ** 32;

/** The numbers of messages and requests. */
export function describeIds(subject: TransportUnderTest): void {
  describe('port 10, ids', () => {
    const world = usePortWorld(subject);

    it('of requests start at 1, of sequences at 0; a datagram has no id', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const replies = [client.request(numberedBytes(0, 8)), client.request(numberedBytes(1, 8))];
      await client.send(numberedBytes(2, 8));
      const last = client.request(numberedBytes(3, 8));
      await waitUntil('all messages', () => held.length === 4);
      expect(held.map(({ messageId }) => messageId)).toEqual([1, 2, 0, 3]);
      expect(held.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
      for (const message of held) if (message.isRequest) await message.reply(message.data);
      await Promise.all([...replies, last]);
    });

    it('are counted for each connection by itself', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const other = await world.connect();
      for (const port of [client, client, other]) await port.send(numberedBytes(0, 8));
      await waitUntil('all messages', () => held.length === 3);
      expect(held.map(({ sequence }) => sequence).toSorted()).toEqual([0, 0, 1]);
    });

    it('of outstanding requests are never used again, nor their slots', async () => {
      const { held, onMessage } = holding();
      const ids: number[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            if (held.length < 3) return onMessage(message);
            ids.push(message.messageId);
            return echo(message);
          },
        },
      });
      const kept = [0, 1, 2].map((number) => client.request(numberedBytes(number, 8)));
      await waitUntil('the first requests', () => held.length === 3);
      for (let round = 0; round < 9; round++) {
        const numbers = Array.from({ length: 500 }, (_, index) => round * 500 + index);
        const replies = await Promise.all(
          numbers.map((number) => client.request(numberedBytes(number, 8))),
        );
        expect(replies.map(numberOf)).toEqual(numbers);
      }
      const taken = new Set(held.map(({ messageId }) => messageId % ID_SLOTS));
      expect([...taken]).toEqual([1, 2, 3]);
      expect(ids.length).toBe(4500);
      expect(ids.filter((id) => taken.has(id % ID_SLOTS))).toEqual([]);
      for (const message of held) await message.reply(message.data);
      expect((await Promise.all(kept)).map(numberOf)).toEqual([0, 1, 2]);
    });

    it('wrap at 2^32: ids skip 0, sequences do not', async () => {
      const seen: [number, number][] = [];
      const first = { sequence: WRAP - 3, id: WRAP - 3 };
      await using pair = await openRawPair(world, first, async (message) => {
        seen.push([message.messageId, message.sequence]);
        await echo(message);
      });
      for (let number = 0; number < 6; number++) {
        expect(numberOf(await pair.client.request(numberedBytes(number, 8)))).toBe(number);
      }
      const ids = [WRAP - 3, WRAP - 2, WRAP - 1, 1, 2, 3];
      const sequences = [WRAP - 3, WRAP - 2, WRAP - 1, 0, 1, 2];
      expect(seen).toEqual(ids.map((id, index) => [id, sequences[index]]));
    });

    it('wrap at 2^32 with many requests outstanding, both ways at once', async () => {
      const first = { sequence: WRAP - 1000, id: WRAP - 300 };
      await using pair = await openRawPair(world, first, echo);
      for (let round = 0; round < 4; round++) {
        const numbers = Array.from({ length: 500 }, (_, index) => index);
        const ask = (port: typeof pair.client): Promise<Uint8Array[]> =>
          Promise.all(numbers.map((number) => port.request(numberedBytes(number, 8))));
        const [up, down] = await Promise.all([ask(pair.client), ask(pair.server)]);
        expect(up.map(numberOf)).toEqual(numbers);
        expect(down.map(numberOf)).toEqual(numbers);
      }
    });
  });
}
