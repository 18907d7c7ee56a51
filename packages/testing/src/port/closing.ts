import { describe, expect, it } from 'vitest';

import { isPortError } from '@portcall/port';

import { bytesText, numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { SMALL_RING, fillUp } from './deadlines.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** How connections end. */
export function describeClosing(subject: TransportUnderTest): void {
  describe('port 20, close: close()', () => {
    const world = usePortWorld(subject);

    it('at the client: both ends know who it was', async () => {
      const { client, accepted } = await world.pair();
      await client.close();
      expect(await client.closed).toEqual({ reason: 'local' });
      expect(await within('the other end', accepted.closed)).toMatchObject({ reason: 'closed' });
    });

    it('at the server end: both ends know who it was', async () => {
      const { client, accepted } = await world.pair();
      await accepted.close();
      expect(await accepted.closed).toEqual({ reason: 'local' });
      expect(await within('the other end', client.closed)).toMatchObject({ reason: 'closed' });
    });

    it('of the whole port ends its connections and takes the name away', async () => {
      const { server, client, accepted } = await world.pair();
      await within('the server to close', server.close());
      expect(await accepted.closed).toEqual({ reason: 'local' });
      expect(await within('the client', client.closed)).toMatchObject({ reason: 'closed' });
      await expectCode(world.connect(), 'PORT_NOT_FOUND');
      expect(server.connections.size).toBe(0);
    });

    it('may be called twice, and at both ends at once', async () => {
      const { server, client, accepted } = await world.pair();
      await Promise.all([client.close(), client.close(), accepted.close(), server.close()]);
      await client.close();
      await server.close();
    });

    it('waits for a call of this side', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({ server: { onMessage } });
      const reply = client.request(textBytes('?'));
      await waitUntil('the request', () => held.length === 1);
      const closing = client.close();
      await held[0]!.reply(textBytes('in time'));
      expect(bytesText(await reply)).toBe('in time');
      await closing;
    });

    it('waits for a call of the other side, while the name is gone already', async () => {
      const { held, onMessage } = holding();
      const { server, client } = await world.pair({ server: { onMessage } });
      const reply = client.request(textBytes('?'));
      await waitUntil('the request', () => held.length === 1);
      const closing = server.close();
      await expectCode(world.connect(), 'PORT_NOT_FOUND');
      await held[0]!.reply(textBytes('in time'));
      expect(bytesText(await within('the reply', reply))).toBe('in time');
      await within('the server to close', closing);
    });

    it('waits for drainMs, not longer, and then calls fail at both ends', async () => {
      const { held, onMessage } = holding();
      const { server, client } = await world.pair({ server: { onMessage } });
      const lost = expectCode(client.request(textBytes('?')), 'REPLY_LOST');
      await waitUntil('the request', () => held.length === 1);
      const startedAt = performance.now();
      await within('the server to close', server.close({ drainMs: 50 }));
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
      expect((await lost).executed).toBe('maybe');
      expect(held[0]!.signal.aborted).toBe(true);
    });

    it('delivers what was sent before', async () => {
      const seen: number[] = [];
      const { client, accepted } = await world.pair({
        server: { onMessage: (message) => void seen.push(numberOf(message.data)) },
      });
      for (let index = 0; index < 100; index++) void client.send(numberedBytes(index, 200));
      await client.close();
      await within('the other end', accepted.closed);
      expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index));
    });

    it('delivers replies that still wait for room', async () => {
      const { held, onMessage } = holding();
      const { client, accepted } = await world.pair({
        server: { ...SMALL_RING, onMessage },
        client: SMALL_RING,
      });
      const replies = Array.from({ length: 120 }, (_, index) =>
        client.request(numberedBytes(index, 8)),
      );
      const outcomes = Promise.allSettled(replies);
      await waitUntil('the requests', () => held.length === 120);
      const sent = held.map((message) => {
        return message.reply(numberedBytes(numberOf(message.data), 15_000));
      });
      await Promise.all([accepted.close(), ...sent]);
      const kinds = new Set((await outcomes).map(({ status }) => status));
      expect([...kinds]).toEqual(['fulfilled']);
    });
  });
  describeEnds(subject);
}

function describeEnds(subject: TransportUnderTest): void {
  describe('port 20, close: an ended connection', () => {
    const world = usePortWorld(subject);

    it('refuses requests and datagrams as never sent', async () => {
      const { client, accepted } = await world.pair();
      await client.close();
      await within('the other end', accepted.closed);
      for (const port of [client, accepted]) {
        for (const promise of [port.request(textBytes('?')), port.send(textBytes('.'))]) {
          expect((await expectCode(promise, 'DISCONNECTED')).executed).toBe('no');
        }
      }
    });

    it('ends at once by abort(), whatever is under way', async () => {
      const { held, onMessage } = holding();
      const { client, accepted } = await world.pair({ server: { onMessage } });
      const lost = expectCode(client.request(textBytes('?')), 'REPLY_LOST');
      await waitUntil('the request', () => held.length === 1);
      client.abort();
      await lost;
      expect(await client.closed).toEqual({ reason: 'local' });
      expect(await within('the other end', accepted.closed)).toMatchObject({ reason: 'closed' });
      expect(held[0]!.signal.aborted).toBe(true);
    });

    it.each(['client', 'accepted'] as const)(
      'settles all requests of both sides when the %s end aborts',
      async (which) => {
        const up = holding();
        const down = holding();
        const pair = await world.pair({ server: up, client: down });
        const { client, accepted } = pair;
        const requests = [client, accepted].flatMap((port) =>
          Array.from({ length: 16 }, () => port.request(textBytes('?'))),
        );
        const outcomes = Promise.allSettled(requests);
        await waitUntil('the requests', () => up.held.length + down.held.length === 32);
        pair[which].abort();
        for (const outcome of await within('all requests to settle', outcomes)) {
          const reason: unknown = outcome.status === 'rejected' ? outcome.reason : undefined;
          expect(isPortError(reason) && [reason.code, reason.executed]).toEqual([
            'REPLY_LOST',
            'maybe',
          ]);
        }
        await within('both ends', Promise.all([client.closed, accepted.closed]));
        expect([...up.held, ...down.held].every(({ signal }) => signal.aborted)).toBe(true);
      },
    );

    it('fails what waited for room as never sent', async () => {
      const { client } = await world.pair({ server: SMALL_RING, client: SMALL_RING });
      const filled = Promise.allSettled(fillUp(client));
      const waited = expectCode(client.request(textBytes('?')), 'DISCONNECTED');
      client.abort();
      expect((await waited).executed).toBe('no');
      const outcomes = await filled;
      expect(outcomes[0]?.status).toBe('fulfilled');
      expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'DISCONNECTED' } });
    });

    it('can be ended from within a handler', async () => {
      const { client, accepted } = await world.pair({
        server: { onMessage: (message) => message.port.abort() },
      });
      await expectCode(client.request(textBytes('?')), 'REPLY_LOST');
      expect(await within('the end', accepted.closed)).toEqual({ reason: 'local' });
    });

    it('leaves other connections of the port alone', async () => {
      const { server, client } = await world.pair({ server: { onMessage: echo } });
      const other = await world.connect();
      client.abort();
      expect(bytesText(await other.request(textBytes('still here')))).toBe('still here');
      await waitUntil('one connection', () => server.connections.size === 1);
    });

    it('comes and goes 100 times and leaves nothing', async () => {
      const server = await world.createPort({ onMessage: echo });
      for (let round = 0; round < 100; round++) {
        const client = await world.connect({ ringBytes: 4096 });
        await client.request(numberedBytes(round, 60_000));
        if (round % 2 === 0) await client.close();
        else client.abort();
      }
      await waitUntil('no connection', () => server.connections.size === 0);
    });
  });
}
