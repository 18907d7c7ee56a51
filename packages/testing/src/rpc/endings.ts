import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { ConformanceService } from '../gen/proto/conformance.portcall.js';
import { expectCode } from '../port/expect-error.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { useRpcWorld } from './rpc-world.js';

/** Calls that end before their answer. */
export function describeEndings(subject: TransportUnderTest): void {
  describe('deadlines', () => {
    const world = useRpcWorld(subject);

    it('are never over early, and the handler is told', async () => {
      const { client, handlers } = await world.pair();
      const checks = [1, 5, 10, 11, 12, 25, 40, 41, 60].map(async (timeoutMs, number) => {
        const startedAt = performance.now();
        const error = await expectCode(client.hold({ number }, { timeoutMs }), 'TIMEOUT');
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(timeoutMs);
        expect([error.sent, error.executed, error.retryable]).toEqual([true, 'maybe', false]);
        expect(error.method).toBe('portcall.testing.v1.Conformance/Hold');
      });
      await Promise.all(checks);
      await waitUntil('the signals', () => {
        return handlers.held.every(({ context }) => context.signal.aborted);
      });
      expect(handlers.held.length).toBe(9);
    });

    it.each([0, -1, -Infinity])('of %d ms are over before anything is sent', async (timeoutMs) => {
      const { client, handlers } = await world.pair();
      const error = await expectCode(client.echo({}, { timeoutMs }), 'TIMEOUT');
      expect([error.sent, error.executed]).toEqual([false, 'no']);
      await client.fetch({});
      expect(handlers.runs.has('echo')).toBe(false);
    });

    it('of NaN are a RangeError', async () => {
      const { client } = await world.pair();
      const failed = rejectionOf('it', client.echo({}, { timeoutMs: Number.NaN }));
      expect(await failed).toBeInstanceOf(RangeError);
    });

    it('reach the handler as what remains: 30 s by default', async () => {
      const { client } = await world.pair();
      const remaining = async (timeoutMs?: number): Promise<number> => {
        return (await client.describe({}, { timeoutMs })).remainingMs;
      };
      const byDefault = await remaining();
      expect(byDefault).toBeGreaterThan(25_000);
      expect(byDefault).toBeLessThanOrEqual(30_000);
      const own = await remaining(5000);
      expect(own).toBeGreaterThan(1000);
      expect(own).toBeLessThanOrEqual(5000);
      expect(await remaining(Infinity)).toBe(Infinity);
    });

    it('of a method hold when the call has none; an idempotent one may be retried', async () => {
      const { client } = await world.pair();
      const startedAt = performance.now();
      const error = await expectCode(client.limited({ data: new Uint8Array(1) }), 'TIMEOUT');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(40);
      expect([error.executed, error.retryable]).toEqual(['maybe', true]);
    });

    it("fire the handler's signal by the server's own clock", async () => {
      const { client, handlers } = await world.pair();
      const failed = expectCode(client.hold({ number: 1 }, { timeoutMs: 30 }), 'TIMEOUT');
      await waitUntil('the call', () => handlers.held.length === 1);
      const { context } = handlers.held[0]!;
      await waitUntil('the signal', () => context.signal.aborted);
      expect(context.remainingMs).toBeLessThan(25);
      await failed;
    });
  });
  describeCancel(subject);
  describeClose(subject);
}

function describeCancel(subject: TransportUnderTest): void {
  describe('cancelling', () => {
    const world = useRpcWorld(subject);

    it('rejects at once, and the handler is told', async () => {
      const { client, handlers } = await world.pair();
      const aborter = new AbortController();
      const reason = new Error('changed my mind');
      const failed = expectCode(client.hold({ number: 1 }, { signal: aborter.signal }), 'CANCELED');
      await waitUntil('the call', () => handlers.held.length === 1);
      aborter.abort(reason);
      const error = await failed;
      expect([error.sent, error.executed, error.cause]).toEqual([true, 'maybe', reason]);
      await waitUntil('the signal', () => handlers.held[0]!.context.signal.aborted);
      await client.echo({});
    });

    it('before the call means that it is never sent', async () => {
      const { client, handlers } = await world.pair();
      const failed = client.echo({}, { signal: AbortSignal.abort() });
      const error = await expectCode(failed, 'CANCELED');
      expect([error.sent, error.executed]).toEqual([false, 'no']);
      await client.fetch({});
      expect(handlers.runs.has('echo')).toBe(false);
    });

    it('after the answer has no effect, and no listener is left', async () => {
      const { client } = await world.pair();
      const aborter = new AbortController();
      const { signal } = aborter;
      await client.echo({}, { signal });
      await rejectionOf('it', client.fail({ kind: 'error' }, { signal }));
      expect(getEventListeners(signal, 'abort').length).toBe(0);
      aborter.abort();
      await client.echo({});
    });

    it('of some calls leaves the others', async () => {
      const { client, handlers } = await world.pair();
      const aborter = new AbortController();
      const calls = Array.from({ length: 20 }, (_, number) =>
        client.hold({ number }, number % 2 === 0 ? { signal: aborter.signal } : {}),
      );
      const settled = Promise.allSettled(calls);
      await waitUntil('the calls', () => handlers.held.length === 20);
      aborter.abort();
      await waitUntil('the signals', () => {
        return handlers.held.filter(({ context }) => context.signal.aborted).length === 10;
      });
      for (const call of handlers.held) call.release();
      const kinds = (await settled).map(({ status }) => status);
      expect(kinds).toEqual(Array.from({ length: 10 }, () => ['rejected', 'fulfilled']).flat());
    });
  });
}

function describeClose(subject: TransportUnderTest): void {
  describe('close()', () => {
    const world = useRpcWorld(subject);

    it('of the client fails its calls, and the handlers are told', async () => {
      const { client, handlers, server } = await world.pair();
      const failed = expectCode(client.hold({ number: 1 }), 'REPLY_LOST');
      await waitUntil('the call', () => handlers.held.length === 1);
      await client.connection.close();
      await client.connection.close();
      expect((await failed).executed).toBe('maybe');
      expect(await client.connection.closed).toEqual({ reason: 'local' });
      await waitUntil('the signal', () => handlers.held[0]!.context.signal.aborted);
      await waitUntil('no connection', () => server.connectionCount === 0);
      expect((await expectCode(client.echo({}), 'DISCONNECTED')).executed).toBe('no');
    });

    it('of the server lets calls finish, while no new client gets in', async () => {
      const { client, handlers, server } = await world.pair();
      const call = client.hold({ number: 1 });
      await waitUntil('the call', () => handlers.held.length === 1);
      const closing = server.close();
      await waitUntil('the name to go', async () => {
        return world.bind(ConformanceService).then(
          () => false,
          (error: { code?: string }) => error.code === 'PORT_NOT_FOUND',
        );
      });
      handlers.held[0]!.release();
      expect(await within('the answer', call)).toEqual({ wasAborted: false });
      await within('the server to close', closing);
      expect(await within('the end', client.connection.closed)).toMatchObject({ reason: 'closed' });
    });

    it('of the server ends calls that take too long', async () => {
      const { client, handlers, server } = await world.pair();
      const failed = expectCode(client.hold({ number: 1 }), 'REPLY_LOST');
      await waitUntil('the call', () => handlers.held.length === 1);
      await within('the server to close', server.close({ drainMs: 20 }));
      await failed;
      await waitUntil('the signal', () => handlers.held[0]!.context.signal.aborted);
      expect(server.connectionCount).toBe(0);
    });
  });
}
