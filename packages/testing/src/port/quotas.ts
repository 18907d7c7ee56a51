import { describe, expect, it } from 'vitest';

import { isPortError, type PortMessage } from '@portcall/port';

import { numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { SMALL_RING, fillUp } from './deadlines.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Bounded memory, and what is refused when it is used up. */
export function describeQuotas(subject: TransportUnderTest): void {
  describe('port 19, backpressure: quotas', () => {
    const world = usePortWorld(subject);

    it.each([
      ['maxQueuedMessages', { maxQueuedMessages: 5 }],
      ['maxPoolUsage', { maxPoolUsage: 5 * 16_000 }],
    ])('%s refuses what is too much, and the rest arrives in order', async (_, limits) => {
      const attributes = { ...SMALL_RING.attributes, ...limits };
      const seen: number[] = [];
      const { client } = await world.pair({
        server: {
          ...SMALL_RING,
          attributes,
          onMessage: (message) => void seen.push(numberOf(message.data)),
        },
        client: { ...SMALL_RING, attributes },
      });
      const outcomes = await Promise.allSettled(fillUp(client));
      const accepted = outcomes.flatMap(({ status }, index) =>
        status === 'fulfilled' ? index : [],
      );
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused.length).toBeGreaterThan(0);
      for (const { reason } of refused) {
        expect(isPortError(reason) && reason.code).toBe('QUOTA_EXCEEDED');
        expect(isPortError(reason) && reason.executed).toBe('no');
      }
      await client.send(numberedBytes(1000, 10));
      await waitUntil('the last message', () => seen.at(-1) === 1000);
      expect(seen).toEqual([...accepted, 1000]);
    });

    it('takes a single message that is longer than maxPoolUsage', async () => {
      const attributes = { maxPoolUsage: 100, inlineLimit: 16 * 1024 };
      const { client } = await world.pair({
        server: { attributes, ringBytes: 64 * 1024, onMessage: echo },
        client: { attributes, ringBytes: 64 * 1024 },
      });
      expect((await client.request(new Uint8Array(60_000))).length).toBe(60_000);
    });

    it('allows 1 024 requests at once, not one more, and one more after a reply', async () => {
      const held: PortMessage[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            held.push(message);
          },
        },
      });
      const replies = Array.from({ length: 1024 }, (_, index) =>
        client.request(numberedBytes(index, 8)),
      );
      const error = await expectCode(client.request(textBytes('more')), 'QUOTA_EXCEEDED');
      expect([error.executed, error.message]).toEqual(['no', expect.stringContaining('1024')]);
      await waitUntil('all requests', () => held.length === 1024);
      await held[500]!.reply(held[500]!.data);
      await replies[500];
      const late = client.request(numberedBytes(5000, 8));
      await waitUntil('one more request', () => held.length === 1025);
      for (const message of held) if (message !== held[500]) await message.reply(message.data);
      const numbers = (await Promise.all([...replies, late])).map(numberOf);
      expect(numbers).toEqual([...Array.from({ length: 1024 }, (_, index) => index), 5000]);
    });

    it('gives ids that were never outstanding, over many requests', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      for (let round = 0; round < 10; round++) {
        const replies = await Promise.all(
          Array.from({ length: 500 }, (_, index) => client.request(numberedBytes(index, 8))),
        );
        expect(replies.map(numberOf)).toEqual(Array.from({ length: 500 }, (_, index) => index));
      }
    });

    it('of one connection leave another one alone', async () => {
      const { client } = await world.pair({
        server: { ...SMALL_RING, onMessage: echo },
        client: SMALL_RING,
      });
      const other = await world.connect(SMALL_RING);
      const filled = fillUp(client);
      await within('a reply on the other connection', other.request(textBytes('me too')));
      await Promise.all(filled);
    });

    it('queue requests behind datagrams when there is no room', async () => {
      const seen: number[] = [];
      const { client } = await world.pair({
        server: {
          ...SMALL_RING,
          onMessage: async (message) => {
            seen.push(numberOf(message.data));
            await echo(message);
          },
        },
        client: SMALL_RING,
      });
      const filled = fillUp(client);
      const reply = await within('the reply', client.request(numberedBytes(180, 16)));
      expect(numberOf(reply)).toBe(180);
      await Promise.all(filled);
      expect(seen).toEqual(Array.from({ length: 181 }, (_, index) => index));
    });
  });
}
