import { describe, expect, it } from 'vitest';

import { isPortError, type PortMessage } from '@portcall/port';

import { bytesText, numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Attributes under which a peer that does not receive lets two messages out, and two wait. */
export const TWO = { attributes: { maxQueuedMessages: 2 } };

/** Every way to send. Receiving: `describeReceiving`. */
export function describeOperations(subject: TransportUnderTest): void {
  describeSending(subject);
  describeFlush(subject);
  describeSendWaitReceive(subject);
}

function describeSending(subject: TransportUnderTest): void {
  describe('port 11, operations: trySend() and sendBatch()', () => {
    const world = usePortWorld(subject);

    it('trySend() sends now, and says so', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      expect(client.trySend(textBytes('now'))).toBe(true);
      await waitUntil('the datagram', () => held.length === 1);
      expect([bytesText(held[0]!.data), held[0]!.kind]).toEqual(['now', 'datagram']);
    });

    it('trySend() is false where send() would wait, and nothing is sent', async () => {
      const { server, client } = await world.pair({ server: TWO, client: TWO });
      expect([1, 2, 3, 4].map((number) => client.trySend(numberedBytes(number, 8)))).toEqual([
        true,
        true,
        false,
        false,
      ]);
      const got = [await server.receive(), await server.receive()];
      expect(got.map((message) => numberOf(message!.data))).toEqual([1, 2]);
      await waitUntil('room', () => client.trySend(numberedBytes(5, 8)));
      expect(numberOf((await server.receive())!.data)).toBe(5);
    });

    it('trySend() is false while others wait: nobody is overtaken', async () => {
      const { server, client } = await world.pair({ server: TWO, client: TWO });
      const sent = [1, 2, 3].map((number) => client.send(numberedBytes(number, 8)));
      expect(client.trySend(numberedBytes(4, 8))).toBe(false);
      const got: number[] = [];
      for (let count = 0; count < 3; count++) got.push(numberOf((await server.receive())!.data));
      expect(got).toEqual([1, 2, 3]);
      await Promise.all(sent);
    });

    it('sendBatch() sends all in order', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const numbers = Array.from({ length: 300 }, (_, index) => index);
      await client.sendBatch(numbers.map((number) => numberedBytes(number, 20 + number * 3)));
      await client.sendBatch([]);
      await waitUntil('all', () => held.length === 300);
      expect(held.map(({ data }) => numberOf(data))).toEqual(numbers);
      expect(held.map(({ data }) => data.length)).toEqual(numbers.map((n) => 20 + n * 3));
    });

    it('sendBatch() fails for the first that cannot go; those before it are sent', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const batch = [numberedBytes(1, 8), numberedBytes(2, 8), new Uint8Array(70_000)];
      await expectCode(client.sendBatch(batch), 'MESSAGE_TOO_LONG');
      await waitUntil('the first two', () => held.length === 2);
      expect(held.map(({ data }) => numberOf(data))).toEqual([1, 2]);
    });

    it('sendBatch() waits for room for what is in it', async () => {
      const limits = { attributes: { maxQueuedMessages: 20 } };
      const { server, client } = await world.pair({ server: limits, client: limits });
      let isDone = false;
      const batch = Array.from({ length: 30 }, (_, index) => numberedBytes(index, 8));
      const sent = client.sendBatch(batch).then(() => (isDone = true));
      const got: number[] = [];
      expect(client.statistics.queued).toBe(10);
      while (got.length < 9) got.push(numberOf((await server.receive())!.data));
      expect(isDone).toBe(false);
      while (got.length < 30) got.push(numberOf((await server.receive())!.data));
      await within('the batch', sent);
      expect(got).toEqual(batch.map(numberOf));
    });
  });
}

function describeFlush(subject: TransportUnderTest): void {
  describe('port 11, operations: flush() and drained()', () => {
    const world = usePortWorld(subject);

    it('flush() resolves when the peer has read all that was sent before', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      for (let number = 0; number < 50; number++) void client.send(numberedBytes(number, 3000));
      await within('the flush', client.flush());
      expect(held.length).toBe(50);
    });

    it('flush() waits for what waits for room', async () => {
      const { server, client } = await world.pair({ server: TWO, client: TWO });
      const sent = [1, 2, 3, 4].map((number) => client.send(numberedBytes(number, 8)));
      let isFlushed = false;
      const flushed = client.flush().then(() => (isFlushed = true));
      expect(client.statistics.queued).toBe(2);
      const first = await server.receive();
      expect([numberOf(first!.data), isFlushed]).toEqual([1, false]);
      for (let count = 0; count < 3; count++) await server.receive();
      await within('the flush', flushed);
      await Promise.all(sent);
    });

    it('flush() is TIMEOUT when the time is over first', async () => {
      const { server, client } = await world.pair({ server: TWO, client: TWO });
      const sent = [1, 2, 3].map((number) => client.send(numberedBytes(number, 8)));
      const startedAt = performance.now();
      await expectCode(client.flush({ timeoutMs: 30 }), 'TIMEOUT');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(30);
      for (let count = 0; count < 3; count++) await server.receive();
      await Promise.all(sent);
      await client.flush({ timeoutMs: 5000 });
    });

    it('flush() is CANCELED by its signal, before and while it waits', async () => {
      const { server, client } = await world.pair({ server: TWO, client: TWO });
      await expectCode(client.flush({ signal: AbortSignal.abort() }), 'CANCELED');
      const sent = [1, 2, 3].map((number) => client.send(numberedBytes(number, 8)));
      const aborter = new AbortController();
      const failed = expectCode(client.flush({ signal: aborter.signal }), 'CANCELED');
      aborter.abort();
      await failed;
      for (let count = 0; count < 3; count++) await server.receive();
      await Promise.all(sent);
    });

    it('flush() fails when the connection ends', async () => {
      const { client } = await world.pair();
      await client.close();
      await expectCode(client.flush(), 'DISCONNECTED');
    });

    it('drained() resolves at once when nothing waits', async () => {
      const { client } = await world.pair();
      await client.drained();
      await client.send(textBytes('.'));
      await client.drained();
    });

    it('drained() and onDrain tell once when nothing waits any more', async () => {
      let drains = 0;
      const { server, client } = await world.pair({
        server: TWO,
        client: { ...TWO, onDrain: () => void drains++ },
      });
      const sent = [1, 2, 3, 4].map((number) => client.send(numberedBytes(number, 8)));
      let isDrained = false;
      const drained = client.drained().then(() => (isDrained = true));
      await server.receive({ timeoutMs: 0 });
      expect([drains, isDrained]).toEqual([0, false]);
      await waitUntil('all messages', async () => {
        await server.receive({ timeoutMs: 0 });
        return client.statistics.queued === 0;
      });
      await within('the drain', drained);
      await Promise.all(sent);
      expect(drains).toBe(1);
    });

    it('drained() resolves when the connection ends', async () => {
      const { client } = await world.pair({ server: TWO, client: TWO });
      const sent = [1, 2, 3].map((number) => client.send(numberedBytes(number, 8)));
      const outcomes = Promise.allSettled(sent);
      const drained = client.drained();
      client.abort();
      await within('the drain', drained);
      const codes = (await outcomes).map((outcome) => {
        return outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as { code: string }).code;
      });
      expect(codes).toEqual(['ok', 'ok', 'DISCONNECTED']);
    });
  });
}

function describeSendWaitReceive(subject: TransportUnderTest): void {
  describe('port 11, operations: sendWaitReceive()', () => {
    const world = usePortWorld(subject);

    it('does nothing when it is asked for nothing', async () => {
      const { client } = await world.pair();
      const nothing = { reply: undefined, message: undefined };
      expect(await client.sendWaitReceive({})).toEqual(nothing);
      expect(client.statistics).toMatchObject({ sentInline: 0, received: 0 });
    });

    it('sends a request and waits for its reply', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      const result = await client.sendWaitReceive({ send: { request: textBytes('?') } });
      expect([bytesText(result.reply), result.message]).toEqual(['?', undefined]);
    });

    it('sends a datagram', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const result = await client.sendWaitReceive({ send: { datagram: textBytes('.') } });
      expect(result).toEqual({ reply: undefined, message: undefined });
      await waitUntil('the datagram', () => held.length === 1);
      expect([held[0]!.kind, bytesText(held[0]!.data)]).toEqual(['datagram', '.']);
    });

    it('sends a reply, then receives the next message', async () => {
      const { client, accepted } = await world.pair();
      const waiting = client.receive();
      const first = accepted.request(textBytes('one'));
      const message = await within('the first', waiting);
      void accepted.send(textBytes('two'));
      const result = await client.sendWaitReceive({
        send: { replyTo: message!, reply: textBytes('ONE') },
        receive: true,
      });
      expect(bytesText(await first)).toBe('ONE');
      expect([result.reply, bytesText(result.message?.data)]).toEqual([undefined, 'two']);
    });

    it.each(['request', 'datagram'] as const)('sends a %s, then receives', async (what) => {
      const { client } = await world.pair({
        server: {
          onMessage: async (message) => {
            await message.port.send(textBytes('pushed'));
            await echo(message);
          },
        },
      });
      const send = what === 'request' ? { request: textBytes('?') } : { datagram: textBytes('.') };
      const result = await client.sendWaitReceive({ send, receive: true, timeoutMs: 5000 });
      expect(result.reply === undefined).toBe(what === 'datagram');
      expect(bytesText(result.message?.data)).toBe('pushed');
    });

    it('only receives', async () => {
      const { client, accepted } = await world.pair();
      const waiting = client.sendWaitReceive({ receive: true });
      await accepted.send(textBytes('pushed'));
      expect(bytesText((await within('it', waiting)).message?.data)).toBe('pushed');
    });

    it('has one limit of time for all: a request that is late is TIMEOUT', async () => {
      const { onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const startedAt = performance.now();
      const send = { request: textBytes('?'), options: { timeoutMs: 60_000 } };
      await expectCode(client.sendWaitReceive({ send, receive: true, timeoutMs: 30 }), 'TIMEOUT');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(30);
    });

    it('gives the reply and no message when only the message is late', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      const send = { request: textBytes('?') };
      const result = await client.sendWaitReceive({ send, receive: true, timeoutMs: 50 });
      expect([bytesText(result.reply), result.message]).toEqual(['?', undefined]);
    });

    it('fails as its parts do', async () => {
      let kept: PortMessage | undefined;
      const { client, accepted } = await world.pair({
        client: {
          onMessage: async (message) => {
            kept = message;
            await echo(message);
          },
        },
      });
      await accepted.request(textBytes('?'));
      const again = { replyTo: kept!, reply: textBytes('again') };
      await expectCode(client.sendWaitReceive({ send: again }), 'REPLY_MISMATCH');
      const receiving = await rejectionOf('it', client.sendWaitReceive({ receive: true }));
      expect(receiving).toBeInstanceOf(TypeError);
      await client.close();
      const late = client.sendWaitReceive({ send: { datagram: textBytes('.') } });
      const error = await rejectionOf('it', late);
      expect(isPortError(error) && error.code).toBe('DISCONNECTED');
    });
  });
}
