import { describe, expect, it } from 'vitest';

import { PortError, type PortMessage } from '@portcall/port';

import { bytesText, textBytes } from '../bytes.js';
import { collectGarbage } from '../collect-garbage.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { usePortWorld } from './port-world.js';

/** Collects garbage until a promise has settled. */
async function collectUntilSettled(promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  void promise.then(settle, settle);
  await waitUntil('a collection to tell', () => {
    collectGarbage();
    return isSettled;
  });
}

/** Exactly one reply for each request, whatever the handler does. */
export function describeReplies(subject: TransportUnderTest): void {
  describe('port 14, replies: reply()', () => {
    const world = usePortWorld(subject);

    it('is REPLY_MISMATCH the second time', async () => {
      const codes: string[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            codes.push(String(await message.reply(textBytes('one'))));
            for (const second of [message.reply(textBytes('two')), message.fail('TIMEOUT', '')]) {
              codes.push((await expectCode(second, 'REPLY_MISMATCH')).code);
            }
          },
        },
      });
      expect(bytesText(await client.request(textBytes('?')))).toBe('one');
      await waitUntil('the second replies', () => codes.length === 3);
      expect(codes).toEqual(['true', 'REPLY_MISMATCH', 'REPLY_MISMATCH']);
    });

    it('is REPLY_MISMATCH for a datagram', async () => {
      const codes: string[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            codes.push((await expectCode(message.reply(textBytes('no')), 'REPLY_MISMATCH')).code);
          },
        },
      });
      await client.send(textBytes('datagram'));
      await waitUntil('the datagram', () => codes.length === 1);
    });

    it('may come after the handler when it was deferred', async () => {
      let held: PortMessage | undefined;
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            held = message;
          },
        },
      });
      const replied = client.request(textBytes('?'));
      await waitUntil('the request', () => held !== undefined);
      expect(await held!.reply(textBytes('deferred'))).toBe(true);
      expect(bytesText(await replied)).toBe('deferred');
    });

    it('is SERVER_FAULT when a deferred message is dropped and collected', async () => {
      const { client } = await world.pair({ server: { onMessage: (message) => message.defer() } });
      const failed = expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
      await collectUntilSettled(failed);
      expect((await failed).executed).toBe('maybe');
    });

    it('is SERVER_FAULT when a received message is dropped and collected', async () => {
      const { server, client } = await world.pair();
      const failed = expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
      expect((await server.receive())?.kind).toBe('request');
      await collectUntilSettled(failed);
    });

    it('is not sent by a collection for what was answered', async () => {
      const { server, client } = await world.pair();
      for (let count = 0; count < 5; count++) {
        const replied = client.request(textBytes('?'));
        const message = await server.receive();
        await message!.reply(textBytes('!'));
        await collectUntilSettled(replied);
        expect(bytesText(await replied)).toBe('!');
      }
      expect(client.statistics.received).toBe(5);
    });

    it('is false after the client has cancelled', async () => {
      let held: PortMessage | undefined;
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            held = message;
          },
        },
      });
      const aborter = new AbortController();
      const canceled = expectCode(
        client.request(textBytes('?'), { signal: aborter.signal }),
        'CANCELED',
      );
      await waitUntil('the request', () => held !== undefined);
      aborter.abort();
      await canceled;
      await waitUntil('the signal', () => held!.signal.aborted);
      expect(await held!.reply(textBytes('too late'))).toBe(false);
      await expectCode(held!.reply(textBytes('again')), 'REPLY_MISMATCH');
    });

    it('is false after the client has gone', async () => {
      let held: PortMessage | undefined;
      const { client, accepted } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            held = message;
          },
        },
      });
      const lost = expectCode(client.request(textBytes('?')), 'REPLY_LOST');
      await waitUntil('the request', () => held !== undefined);
      client.abort();
      await within('the end', accepted.closed);
      expect(held!.signal.aborted).toBe(true);
      expect(await held!.reply(textBytes('nobody'))).toBe(false);
      await lost;
    });
  });
  describeFailingHandlers(subject);
}

function describeFailingHandlers(subject: TransportUnderTest): void {
  describe('port 14, replies: a handler', () => {
    const world = usePortWorld(subject);

    it('that throws answers SERVER_FAULT, without its text', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: () => {
            throw new Error('planned failure of a handler');
          },
        },
      });
      const error = await expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
      expect(error.executed).toBe('maybe');
      expect(error.message).not.toContain('planned');
    });

    it('that rejects answers SERVER_FAULT', async () => {
      const { client } = await world.pair({
        server: { onMessage: () => Promise.reject(new Error('planned rejection of a handler')) },
      });
      await expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
    });

    it('that throws a PortError answers its code and text', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: () => {
            throw new PortError('QUOTA_EXCEEDED', 'Cannot serve: planned');
          },
        },
      });
      const error = await expectCode(client.request(textBytes('?')), 'QUOTA_EXCEEDED');
      expect(error.message).toBe('Cannot serve: planned');
    });

    it('that returns without a reply answers SERVER_FAULT', async () => {
      const { client } = await world.pair({ server: { onMessage: () => undefined } });
      await expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
    });

    it('that defers and then throws answers SERVER_FAULT', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            throw new Error('planned failure after defer()');
          },
        },
      });
      await expectCode(client.request(textBytes('?')), 'SERVER_FAULT');
    });

    it('that is not there answers SERVER_FAULT at a client that does not receive', async () => {
      const { accepted } = await world.pair();
      const error = await expectCode(accepted.request(textBytes('?')), 'SERVER_FAULT');
      expect(error.message).toContain('Nobody receives');
    });

    it('that fails for one request serves the next one', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            if (message.data.length === 1) throw new Error('planned failure for one byte');
            await message.reply(message.data);
          },
        },
      });
      const outcomes = await Promise.allSettled(
        [1, 2, 1, 3, 4].map((length) => client.request(new Uint8Array(length))),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(3);
    });

    it('can answer with any code by fail()', async () => {
      const { client } = await world.pair({
        server: { onMessage: (message) => void message.fail('SERVER_BUSY', 'Cannot serve: later') },
      });
      const error = await expectCode(client.request(textBytes('?')), 'SERVER_BUSY');
      expect(error.message).toBe('Cannot serve: later');
    });
  });
}
