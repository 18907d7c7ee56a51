import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import type { CommunicationPort, PortMessage } from '@portcall/port';

import { bytesText, numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Small enough that a few messages fill it, on the transports that have a ring. */
export const SMALL_RING = { ringBytes: 64 * 1024, attributes: { inlineLimit: 16 * 1024 } };

/** As many datagrams as no transport takes in one turn, without the turn's end. */
export function fillUp(port: CommunicationPort, count = 180): Promise<void>[] {
  return Array.from({ length: count }, (_, index) => port.send(numberedBytes(index, 16_000)));
}

/** Requests that end before their reply. */
export function describeDeadlines(subject: TransportUnderTest): void {
  describe('port 11, operations: timeoutMs', () => {
    const world = usePortWorld(subject);

    it('is never over early, says that it was sent, and the handler is told', async () => {
      const held: PortMessage[] = [];
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            void message.signal;
            held.push(message);
          },
        },
      });
      const checks = [1, 5, 10, 11, 12, 13, 25, 40, 40, 41, 42, 60].map(async (timeoutMs) => {
        const startedAt = performance.now();
        const error = await expectCode(client.request(textBytes('?'), { timeoutMs }), 'TIMEOUT');
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(timeoutMs);
        expect([error.sent, error.executed]).toEqual([true, 'maybe']);
      });
      await Promise.all(checks);
      await waitUntil('all signals', () => {
        return held.length === 12 && held.every(({ signal }) => signal.aborted);
      });
    });

    it('leaves the connection and later replies as they are', async () => {
      let held: PortMessage | undefined;
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            if (held !== undefined) return echo(message);
            message.defer();
            held = message;
          },
        },
      });
      await expectCode(client.request(textBytes('?'), { timeoutMs: 10 }), 'TIMEOUT');
      const sent = client.request(textBytes('next'));
      void held!.reply(textBytes('much too late'));
      expect(bytesText(await sent)).toBe('next');
    });

    it('does not fire for a request that was answered', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      await Promise.all(
        Array.from({ length: 100 }, () => client.request(textBytes('x'), { timeoutMs: 2000 })),
      );
      await expectCode(client.request(new Uint8Array(70_000)), 'MESSAGE_TOO_LONG');
    });

    it('while it waits for room means that it was not sent, and never will be', async () => {
      const seen: string[] = [];
      const { client } = await world.pair({
        server: {
          ...SMALL_RING,
          onMessage: (message) => {
            if (message.isRequest) message.defer();
            seen.push(bytesText(message.data.subarray(0, 7)));
          },
        },
        client: SMALL_RING,
      });
      const filled = fillUp(client);
      const failed = expectCode(
        client.request(textBytes('request'), { timeoutMs: 0.01 }),
        'TIMEOUT',
      );
      const last = client.send(textBytes('the end'));
      // The deadline passes before the turn ends, so before any room is made.
      const until = performance.now() + 2;
      while (performance.now() < until);
      const error = await failed;
      await Promise.all([...filled, last]);
      await waitUntil('the last message', () => seen.at(-1) === 'the end');
      const cameThrough = seen.includes('request');
      expect([error.sent, error.executed]).toEqual(cameThrough ? [true, 'maybe'] : [false, 'no']);
    });
  });
  describeCancel(subject);
}

function describeCancel(subject: TransportUnderTest): void {
  describe('port 11, operations: signal', () => {
    const world = usePortWorld(subject);

    it('that was aborted before: nothing is sent', async () => {
      let handled = 0;
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            handled++;
            await echo(message);
          },
        },
      });
      const signal = AbortSignal.abort(new Error('why'));
      const error = await expectCode(client.request(textBytes('?'), { signal }), 'CANCELED');
      expect([error.sent, error.executed]).toEqual([false, 'no']);
      expect(String(error.cause)).toContain('why');
      await client.request(textBytes('!'));
      expect(handled).toBe(1);
    });

    it('while it waits for room: it is never sent, and all others arrive in order', async () => {
      const seen: number[] = [];
      const { client } = await world.pair({
        server: { ...SMALL_RING, onMessage: (message) => void seen.push(numberOf(message.data)) },
        client: SMALL_RING,
      });
      const filled = fillUp(client);
      const aborter = new AbortController();
      const failed = expectCode(
        client.request(numberedBytes(9999, 50), { signal: aborter.signal }),
        'CANCELED',
      );
      const last = client.send(numberedBytes(180, 50));
      aborter.abort();
      const error = await failed;
      expect([error.sent, error.executed]).toEqual([false, 'no']);
      await Promise.all([...filled, last]);
      await waitUntil('the last message', () => seen.at(-1) === 180);
      expect(seen).toEqual(Array.from({ length: 181 }, (_, index) => index));
    });

    it('after it was sent: the caller is told at once, and the handler too', async () => {
      let held: PortMessage | undefined;
      const { client } = await world.pair({
        server: {
          onMessage: (message) => {
            message.defer();
            void message.signal;
            held = message;
          },
        },
      });
      const aborter = new AbortController();
      const failed = expectCode(
        client.request(textBytes('?'), { signal: aborter.signal }),
        'CANCELED',
      );
      await waitUntil('the request', () => held !== undefined);
      aborter.abort();
      const error = await failed;
      expect([error.sent, error.executed]).toEqual([true, 'maybe']);
      await waitUntil("the handler's signal", () => held!.signal.aborted);
    });

    it('tells a handler that asks for its signal only later', async () => {
      let held: PortMessage | undefined;
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            if (held !== undefined) return echo(message);
            message.defer();
            held = message;
          },
        },
      });
      await expectCode(client.request(textBytes('?'), { timeoutMs: 5 }), 'TIMEOUT');
      await client.request(textBytes('the cancel message came before this'));
      expect(held!.signal.aborted).toBe(true);
    });

    it('has no listener of ours once the request is settled', async () => {
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            if (message.data.length === 0) throw new Error('planned failure of a handler');
            await echo(message);
          },
        },
      });
      const { signal } = new AbortController();
      await client.request(textBytes('x'), { signal });
      await expectCode(client.request(new Uint8Array(0), { signal }), 'SERVER_FAULT');
      await expectCode(client.request(new Uint8Array(70_000), { signal }), 'MESSAGE_TOO_LONG');
      expect(getEventListeners(signal, 'abort').length).toBe(0);
    });
  });
}
