import { describe, expect, it } from 'vitest';

import type { PortMessage } from '@portcall/port';

import { patternBytes, sameBytes, textBytes } from '../bytes.js';
import { because, type TransportUnderTest } from '../transports.js';
import { waitUntil } from '../wait-until.js';
import { holding } from './held-messages.js';
import { usePortWorld } from './port-world.js';

const LENGTH = 50_000;

/** The data of long messages as memory that can be given back at once. */
export function describeViews(subject: TransportUnderTest): void {
  const { sections } = subject.lacks;
  describe.skipIf(sections !== undefined)(`port 16, views${because(sections)}`, () => {
    const world = usePortWorld(subject);
    const wants = ['view'] as const;

    /** A held message of `LENGTH` bytes, or more of them. */
    async function heldMessages(count = 1, maxViewSize = 1_000_000): Promise<PortMessage[]> {
      const { held, onMessage } = holding();
      const attributes = { inlineLimit: 4096, maxViewSize };
      const { client } = await world.pair({ server: { wants, onMessage, attributes } });
      for (let index = 0; index < count; index++) {
        void client.request(patternBytes(LENGTH, index)).catch(() => undefined);
      }
      await waitUntil('the messages', () => held.length === count);
      return held;
    }

    it('are the data of the message', async () => {
      const [message] = await heldMessages();
      const { view, valid } = message!.attributes;
      expect([...valid]).toEqual(['view']);
      expect(sameBytes(view!.bytes, patternBytes(LENGTH))).toBe(true);
      expect(sameBytes(message!.data, patternBytes(LENGTH))).toBe(true);
      view!.release();
    });

    it('once released are empty, as the data is, and leave zeros to others', async () => {
      const [message] = await heldMessages();
      const { view } = message!.attributes;
      const { bytes } = view!;
      view!.release();
      view!.release();
      expect([view!.bytes.length, message!.data.length]).toEqual([0, 0]);
      expect(bytes.length).toBe(LENGTH);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    });

    it('are released at the end of their block', async () => {
      const [message] = await heldMessages();
      {
        using view = message!.attributes.view!;
        expect(view.bytes.length).toBe(LENGTH);
      }
      expect(message!.data.length).toBe(0);
    });

    it('are released when the handler returns, unless they are retained', async () => {
      const seen: PortMessage[] = [];
      const { client } = await world.pair({
        server: {
          wants,
          attributes: { inlineLimit: 4096 },
          onMessage: async (message) => {
            seen.push(message);
            const { view } = message.attributes;
            if (message.data[0] === patternBytes(LENGTH, 1)[0]) view?.retain();
            if (message.isRequest) await message.reply(textBytes(`${message.data.length}`));
          },
        },
      });
      expect(Number(Buffer.from(await client.request(patternBytes(LENGTH, 1))))).toBe(LENGTH);
      expect(Number(Buffer.from(await client.request(patternBytes(LENGTH, 2))))).toBe(LENGTH);
      await waitUntil('the second view to go', () => seen[1]!.data.length === 0);
      expect(sameBytes(seen[0]!.data, patternBytes(LENGTH, 1))).toBe(true);
      seen[0]!.attributes.view!.release();
      expect(seen[0]!.data.length).toBe(0);
    });

    it('are held for maxViewSize bytes at once: then data comes without', async () => {
      const messages = await heldMessages(3, LENGTH * 2);
      const has = messages.map(({ attributes }) => attributes.view !== undefined);
      expect(has).toEqual([true, true, false]);
      expect(sameBytes(messages[2]!.data, patternBytes(LENGTH, 2))).toBe(true);
      for (const message of messages) message.attributes.view?.release();
      expect(sameBytes(messages[2]!.data, patternBytes(LENGTH, 2))).toBe(true);
    });

    it('are allowed again once others are released', async () => {
      const { held, onMessage } = holding();
      const attributes = { inlineLimit: 4096, maxViewSize: LENGTH };
      const { client } = await world.pair({ server: { wants, onMessage, attributes } });
      for (let round = 0; round < 3; round++) {
        void client.request(patternBytes(LENGTH, round)).catch(() => undefined);
        await waitUntil('the message', () => held.length === round + 1);
        const { view } = held[round]!.attributes;
        expect(view?.bytes.length).toBe(LENGTH);
        view!.release();
      }
    });

    it('are not there for data that was copied through the ring', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { wants, onMessage } });
      await client.send(new Uint8Array(100));
      await waitUntil('the message', () => held.length === 1);
      expect(held[0]!.attributes).toEqual({ valid: new Set() });
    });
  });
}
