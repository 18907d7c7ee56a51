import { describe, expect, it } from 'vitest';

import type { CommunicationPort, MessageMode } from '@portcall/port';

import { numberOf, numberedBytes, patternBytes, sameBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { within } from '../wait-until.js';
import { expectCode, expectThrownCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

const INLINE_LIMIT = 4096;
const MESSAGE_LIMIT = 100_000;

/** Attributes of both sides, and a ring that takes a message of `INLINE_LIMIT`. */
const SIDE = {
  ringBytes: 64 * 1024,
  attributes: { inlineLimit: INLINE_LIMIT, maxMessageLength: MESSAGE_LIMIT },
};

/** Sizes around every place where something changes. */
const SIZES = [
  0,
  1,
  255,
  256,
  257,
  INLINE_LIMIT - 1,
  INLINE_LIMIT,
  INLINE_LIMIT + 1,
  MESSAGE_LIMIT - 1,
  MESSAGE_LIMIT,
];

/** How the data of a message travels, and that nobody can tell from what arrives. */
export function describeModes(subject: TransportUnderTest): void {
  describeChoice(subject);
  describeTooLong(subject);
}

/** How many messages a port sent of each mode. */
function counts({ statistics }: CommunicationPort): { inline: number; section: number } {
  return { inline: statistics.sentInline, section: statistics.sentSection };
}

function describeChoice(subject: TransportUnderTest): void {
  describe('port 9, modes: choice', () => {
    const world = usePortWorld(subject);

    it.each(SIZES)('auto takes %s bytes the way that fits, there and back', async (size) => {
      const { client, accepted } = await world.pair({
        server: { ...SIDE, onMessage: echo },
        client: SIDE,
      });
      const data = patternBytes(size, 1);
      expect(sameBytes(await client.request(data), data)).toBe(true);
      const bySection = client.capabilities.sections && size > INLINE_LIMIT;
      const wanted = bySection ? { inline: 0, section: 1 } : { inline: 1, section: 0 };
      expect(counts(client)).toEqual(wanted);
      expect(counts(accepted)).toEqual(wanted);
    });

    it.each(SIZES.filter((size) => size <= INLINE_LIMIT))(
      'section takes %s bytes by section where there are sections',
      async (size) => {
        const { client, accepted } = await world.pair({
          server: {
            ...SIDE,
            onMessage: async (message) => {
              await message.reply(message.data, { mode: 'section' });
            },
          },
          client: SIDE,
        });
        const data = patternBytes(size, 2);
        expect(sameBytes(await client.request(data, { mode: 'section' }), data)).toBe(true);
        // Nothing at all needs no memory.
        const bySection = client.capabilities.sections && size > 0;
        const wanted = bySection ? { inline: 0, section: 1 } : { inline: 1, section: 0 };
        expect(counts(client)).toEqual(wanted);
        expect(counts(accepted)).toEqual(wanted);
      },
    );

    it('inline refuses what is too long for it, and the connection lives', async () => {
      const { client } = await world.pair({
        server: { ...SIDE, onMessage: echo },
        client: SIDE,
      });
      const limit = client.inlineBytesMax;
      expect(limit).toBe(client.capabilities.sections ? INLINE_LIMIT : MESSAGE_LIMIT);
      const tooLong = new Uint8Array(limit + 1);
      const options = { mode: 'inline' } as const;
      for (const failed of [client.request(tooLong, options), client.send(tooLong, options)]) {
        const error = await expectCode(failed, 'MESSAGE_TOO_LONG');
        expect(error.message).toContain(`${limit + 1} bytes, limit is ${limit} bytes`);
      }
      expectThrownCode(() => client.trySend(tooLong, options), 'MESSAGE_TOO_LONG');
      expect((await client.request(new Uint8Array(limit), options)).length).toBe(limit);
      expect(counts(client)).toEqual({ inline: 1, section: 0 });
    });

    it('keep one order whatever they are', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { ...SIDE, onMessage }, client: SIDE });
      const modes: readonly MessageMode[] = [
        'auto',
        'section',
        'inline',
        'auto',
        'auto',
        'section',
      ];
      const sizeOf = (index: number): number =>
        modes[index % 6] === 'auto' ? [300, 9000][index % 2]! : 20 + (index % 700);
      const sent = Array.from({ length: 600 }, (_, index) => {
        return client.send(numberedBytes(index, sizeOf(index)), { mode: modes[index % 6] });
      });
      const last = client.flush();
      await within('all to be sent', Promise.all(sent));
      await within('all to be read', last);
      expect(held.map(({ data }) => numberOf(data))).toEqual(sent.map((_, index) => index));
      const isWhole = held.map(({ data }, index) => {
        return sameBytes(data, numberedBytes(index, sizeOf(index)));
      });
      expect(isWhole.indexOf(false)).toBe(-1);
    });

    it('number the messages of each direction from 0, without gaps', async () => {
      const up = holding();
      const down = holding();
      const { client, accepted } = await world.pair({
        server: { ...SIDE, onMessage: up.onMessage },
        client: { ...SIDE, onMessage: down.onMessage },
      });
      for (let index = 0; index < 20; index++) {
        await client.send(new Uint8Array(index % 3 === 0 ? 9000 : 30));
        await accepted.send(new Uint8Array(index % 4 === 0 ? 9000 : 30));
      }
      await client.flush();
      await accepted.flush();
      const wanted = Array.from({ length: 20 }, (_, index) => index);
      expect(up.held.map(({ sequence }) => sequence)).toEqual(wanted);
      expect(down.held.map(({ sequence }) => sequence).slice(0, 10)).toEqual(wanted.slice(0, 10));
    });
  });
}

function describeTooLong(subject: TransportUnderTest): void {
  describe('port 9, modes: one byte too many', () => {
    const world = usePortWorld(subject);
    const tooLong = new Uint8Array(MESSAGE_LIMIT + 1);
    const text = `${MESSAGE_LIMIT + 1} bytes, limit is ${MESSAGE_LIMIT} bytes`;

    it.each([
      ['request()', (port: CommunicationPort) => port.request(tooLong)],
      ['request() by section', (port: CommunicationPort) => port.request(tooLong, SECTION)],
      ['send()', (port: CommunicationPort) => port.send(tooLong)],
      ['send() by section', (port: CommunicationPort) => port.send(tooLong, SECTION)],
      ['sendBatch()', (port: CommunicationPort) => port.sendBatch([textBytes('.'), tooLong])],
      [
        'sendWaitReceive()',
        (port: CommunicationPort) => port.sendWaitReceive({ send: { datagram: tooLong } }),
      ],
    ])('is MESSAGE_TOO_LONG by %s, with both numbers; the port lives', async (_, act) => {
      const { client } = await world.pair({ server: { ...SIDE, onMessage: echo }, client: SIDE });
      const error = await expectCode(act(client), 'MESSAGE_TOO_LONG');
      expect(error.message).toContain(text);
      expect(error.executed).toBe('no');
      expect((await client.request(new Uint8Array(5))).length).toBe(5);
    });

    it('is MESSAGE_TOO_LONG by trySend(), which throws it', async () => {
      const { client } = await world.pair({ server: SIDE, client: SIDE });
      expect(expectThrownCode(() => client.trySend(tooLong), 'MESSAGE_TOO_LONG').message).toContain(
        text,
      );
      expect(client.trySend(new Uint8Array(MESSAGE_LIMIT))).toBe(true);
    });

    it('is MESSAGE_TOO_LONG by callback(), and the request can still be answered', async () => {
      const { client } = await world.pair({
        server: {
          ...SIDE,
          onMessage: async (message) => {
            const error = await expectCode(message.callback(tooLong), 'MESSAGE_TOO_LONG');
            await message.reply(textBytes(error.message));
          },
        },
        client: SIDE,
      });
      expect(Buffer.from(await client.request(textBytes('?'))).toString()).toContain(text);
    });
  });
}

const SECTION = { mode: 'section' } as const;
