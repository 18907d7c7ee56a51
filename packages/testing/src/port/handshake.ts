import { describe, expect, it } from 'vitest';

import type { ConnectionRequest } from '@portcall/port';

import {
  bytesText,
  numberOf,
  numberedBytes,
  patternBytes,
  sameBytes,
  textBytes,
} from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode, expectThrownCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { usePortWorld } from './port-world.js';

/** Who decides on a connection, how often, when, and what each side is told. */
export function describeHandshake(subject: TransportUnderTest): void {
  describe('port 4, handshake: accept() and reject()', () => {
    const world = usePortWorld(subject);

    it('give each side what the other said', async () => {
      const { client, accepted } = await world.pair({
        server: {
          onConnect: (request) => {
            request.accept({ info: textBytes(`hello ${bytesText(request.info)}`), context: 7 });
          },
        },
        client: { info: textBytes('client') },
      });
      expect(bytesText(client.info)).toBe('hello client');
      expect(bytesText(accepted.info)).toBe('client');
      expect([accepted.context, client.context]).toEqual([7, undefined]);
    });

    it('accept without a handler, with nothing to say', async () => {
      const { client, accepted } = await world.pair();
      expect([client.info.length, accepted.info.length]).toEqual([0, 0]);
    });

    it('accepts after the handler has returned', async () => {
      let waiting: ConnectionRequest | undefined;
      const server = await world.createPort({ onConnect: (request) => void (waiting = request) });
      const connecting = world.connect();
      await waitUntil('the request', () => waiting !== undefined);
      expect(server.connections.size).toBe(0);
      waiting!.accept({ info: textBytes('later') });
      expect(bytesText((await connecting).info)).toBe('later');
    });

    it('reject with a reason', async () => {
      await world.createPort({ onConnect: (request) => request.reject(textBytes('not today')) });
      const error = await expectCode(world.connect(), 'CONNECTION_REFUSED');
      expect(bytesText(error.info)).toBe('not today');
      expect([error.executed, error.retryable]).toEqual(['no', true]);
    });

    it('rejects after the handler has returned', async () => {
      let waiting: ConnectionRequest | undefined;
      await world.createPort({ onConnect: (request) => void (waiting = request) });
      const refused = expectCode(world.connect(), 'CONNECTION_REFUSED');
      await waitUntil('the request', () => waiting !== undefined);
      waiting!.reject(textBytes('late no'));
      expect(bytesText((await refused).info)).toBe('late no');
    });

    it('reject when the handler throws, and the port serves on', async () => {
      let fails = true;
      await world.createPort({
        onConnect: (request) => {
          if (fails) throw new Error('planned failure of onConnect');
          request.accept();
        },
      });
      await expectCode(world.connect(), 'CONNECTION_REFUSED');
      fails = false;
      await world.connect();
    });

    it.each(['accept', 'reject'] as const)('refuse a second decision after %s()', async (first) => {
      let waiting: ConnectionRequest | undefined;
      await world.createPort({
        onConnect: (request) => {
          request[first]();
          waiting = request;
        },
      });
      await world.connect().catch(() => undefined);
      expect(waiting!.isDecided).toBe(true);
      expectThrownCode(() => waiting!.accept(), 'REPLY_MISMATCH');
      expectThrownCode(() => waiting!.reject(), 'REPLY_MISMATCH');
    });

    it('make one server end for each client, and the same data for nobody else', async () => {
      const { held, onMessage } = holding();
      const { server, client, accepted } = await world.pair({ server: { onMessage } });
      const other = await world.connect();
      expect(server.connections.size).toBe(2);
      expect(server.connections.has(accepted)).toBe(true);
      await client.send(textBytes('one'));
      await other.send(textBytes('other'));
      await waitUntil('both', () => held.length === 2);
      const fromFirst = held.filter(({ port }) => port === accepted);
      expect(fromFirst.map(({ data }) => bytesText(data))).toEqual(['one']);
    });

    it('let data of the server follow at once, all of it, in order', async () => {
      const sizes = Array.from({ length: 60 }, (_, index) =>
        index % 7 === 0 ? 40_000 : index + 4,
      );
      await world.createPort({
        onConnected: (port) => {
          for (const [index, size] of sizes.entries()) void port.send(numberedBytes(index, size));
        },
      });
      const client = await world.connect();
      for (const [index, size] of sizes.entries()) {
        const message = await within('the data', client.receive());
        expect([numberOf(message!.data), message!.data.length]).toEqual([index, size]);
      }
    });

    it('work for many clients that come at once', async () => {
      const server = await world.createPort({ attributes: { maxPendingConnects: 4 } });
      const clients = await Promise.all(Array.from({ length: 40 }, () => world.connect()));
      expect(clients.length).toBe(40);
      expect(server.connections.size).toBe(40);
    });
  });

  describeInfoLimits(subject);
  describeUndecided(subject);
}

function describeInfoLimits(subject: TransportUnderTest): void {
  describe('port 4, handshake: connect info', () => {
    const world = usePortWorld(subject);

    it('may be as long as the limit, both ways', async () => {
      const info = patternBytes(4096);
      const { client, accepted } = await world.pair({
        server: { onConnect: (request) => request.accept({ info }) },
        client: { info },
      });
      expect(sameBytes(client.info, info)).toBe(true);
      expect(sameBytes(accepted.info, info)).toBe(true);
    });

    it('may be 60 KiB when both sides say so', async () => {
      const attributes = { maxConnectInfo: 60 * 1024 };
      const info = patternBytes(60 * 1024);
      const { client, accepted } = await world.pair({
        server: { attributes, onConnect: (request) => request.accept({ info }) },
        client: { attributes, info },
      });
      expect(sameBytes(client.info, info)).toBe(true);
      expect(sameBytes(accepted.info, info)).toBe(true);
    });

    it('is a RangeError at the client when it is too long, and nothing is sent', async () => {
      let requests = 0;
      await world.createPort({
        onConnect: (request) => {
          requests++;
          request.accept();
        },
      });
      const error = await rejectionOf('connect', world.connect({ info: new Uint8Array(4097) }));
      expect(error).toBeInstanceOf(RangeError);
      expect(String(error)).toMatch(/4097 bytes.*4096 bytes/);
      await world.connect();
      expect(requests).toBe(1);
    });

    it('is a RangeError at the server when it is too long, and may decide again', async () => {
      const errors: unknown[] = [];
      await world.createPort({
        onConnect: (request) => {
          for (const verb of ['accept', 'reject'] as const) {
            try {
              const info = new Uint8Array(4097);
              if (verb === 'accept') request.accept({ info });
              else request.reject(info);
            } catch (error) {
              errors.push(error);
            }
          }
          request.accept({ info: textBytes('short') });
        },
      });
      const client = await world.connect();
      expect(bytesText(client.info)).toBe('short');
      expect(errors.map((error) => error instanceof RangeError)).toEqual([true, true]);
    });
  });
}

function describeUndecided(subject: TransportUnderTest): void {
  describe('port 4, handshake: a decision that does not come', () => {
    const world = usePortWorld(subject);

    it('is a TIMEOUT for the client, not early, and a late accept finds nobody', async () => {
      const waiting: ConnectionRequest[] = [];
      const server = await world.createPort({
        attributes: { maxConnections: 1 },
        onConnect: (request) => {
          waiting.push(request);
          if (waiting.length > 1) request.accept();
        },
      });
      const startedAt = performance.now();
      const error = await expectCode(
        world.connect({ attributes: { handshakeTimeoutMs: 60 } }),
        'TIMEOUT',
      );
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
      expect(error.executed).toBe('no');
      // There is one place: a second client gets it once the server has seen the first one go.
      await world.connect();
      expectThrownCode(() => waiting[0]!.accept(), 'DISCONNECTED');
      expectThrownCode(() => waiting[0]!.reject(), 'DISCONNECTED');
      expect(server.connections.size).toBe(1);
    });

    it('is CANCELED when the client gives up', async () => {
      let waiting: ConnectionRequest | undefined;
      await world.createPort({ onConnect: (request) => void (waiting = request) });
      const aborter = new AbortController();
      const failed = expectCode(world.connect({ signal: aborter.signal }), 'CANCELED');
      await waitUntil('the request', () => waiting !== undefined);
      aborter.abort(new Error('enough'));
      const error = await failed;
      expect(error.executed).toBe('no');
      expect(String(error.cause)).toContain('enough');
    });

    it('is CANCELED at once with a signal that was aborted before', async () => {
      let requests = 0;
      await world.createPort({ onConnect: () => void requests++ });
      await expectCode(world.connect({ signal: AbortSignal.abort() }), 'CANCELED');
      expect(requests).toBe(0);
    });

    it('ends when the server closes: the client asks again, and the name is gone', async () => {
      let waiting: ConnectionRequest | undefined;
      const server = await world.createPort({ onConnect: (request) => void (waiting = request) });
      const failed = expectCode(world.connect(), 'PORT_NOT_FOUND');
      await waitUntil('the request', () => waiting !== undefined);
      await within('the server to close', server.close(), 2000);
      expect((await failed).executed).toBe('no');
      expectThrownCode(() => waiting!.accept(), 'DISCONNECTED');
    });
  });
}
