import { describe, expect, it } from 'vitest';

import type { CommunicationPort, ConnectPortOptions, PortMessage } from '@portcall/port';

import { bytesText, patternBytes, sameBytes, textBytes } from '../bytes.js';
import type { PortNodeCommands } from '../programs/port-node.js';
import { endProgram, spawnProgram } from '../spawn-program.js';
import { spawnThread } from '../spawn-thread.js';
import { because, type TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { expectThrownCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { PORT_NAME, usePortWorld, type PortWorld } from './port-world.js';
import { playScript } from './scripted-server.js';

const BLOCK = { blockMainThread: true };

/** Requests that block their thread. */
export function describeSync(subject: TransportUnderTest): void {
  describeRefused(subject);
  describeBlocking(subject);
  describeOtherProcess(subject);
  describeThreads(subject);
}

/** A server that another thread runs, where the transport reaches one, and a client of it. */
async function connectScripted(
  world: PortWorld,
  options: ConnectPortOptions = {},
): Promise<CommunicationPort> {
  if (world.subject.lacks.processes !== undefined) {
    await world.createPort({ onMessage: playScript });
  } else {
    const program = await spawnProgram<PortNodeCommands>('port-node');
    world.onClose(() => endProgram(program));
    const { directory } = world.runtime;
    const behaviour = { kind: 'script' } as const;
    await program.call('createPort', { name: PORT_NAME, directory, behaviour });
  }
  return world.connect(options);
}

function describeRefused(subject: TransportUnderTest): void {
  describe('port 12, synchronous: refused', () => {
    const world = usePortWorld(subject);

    it('capabilities say whether it can be done', async () => {
      const { client, accepted } = await world.pair();
      const wanted = subject.lacks.synchronous === undefined;
      expect([client.capabilities.synchronous, accepted.capabilities.synchronous]).toEqual([
        wanted,
        wanted,
      ]);
    });

    it('is a TypeError on the main thread that nobody allowed to block', async () => {
      const { client, accepted } = await world.pair({ server: { onMessage: echo } });
      expect(() => client.requestSync(textBytes('?'))).toThrow(TypeError);
      expect(() => accepted.requestSync(textBytes('?'))).toThrow(TypeError);
      expect(client.statistics.sentInline).toBe(0);
      expect(bytesText(await client.request(textBytes('still')))).toBe('still');
    });

    it.skipIf(subject.lacks.synchronous === undefined)(
      'is a TypeError where the transport cannot wait, whatever is allowed',
      async () => {
        const { client } = await world.pair({ server: { onMessage: echo } });
        expect(() => client.requestSync(textBytes('?'), BLOCK)).toThrow(TypeError);
        expect(client.statistics.sentInline).toBe(0);
      },
    );
  });
}

function describeBlocking(subject: TransportUnderTest): void {
  const { synchronous } = subject.lacks;
  describe.skipIf(synchronous !== undefined)(
    `port 12, synchronous: on the main thread${because(synchronous)}`,
    () => {
      const world = usePortWorld(subject);

      it('returns the reply, at all sizes', async () => {
        const client = await connectScripted(world);
        for (const size of [0, 1, 257, 32 * 1024, 32 * 1024 + 1, 64 * 1024]) {
          const data = patternBytes(size, size);
          expect(sameBytes(client.requestSync(data, BLOCK), data)).toBe(true);
        }
      });

      it('takes turns with requests that do not block', async () => {
        const client = await connectScripted(world);
        for (let round = 0; round < 20; round++) {
          const later = client.request(textBytes(`later ${round}`));
          expect(bytesText(client.requestSync(textBytes(`now ${round}`), BLOCK))).toBe(
            `now ${round}`,
          );
          expect(bytesText(await later)).toBe(`later ${round}`);
        }
      });

      it('throws what the server answers', async () => {
        const client = await connectScripted(world);
        const error = expectThrownCode(
          () => client.requestSync(textBytes('fail'), BLOCK),
          'SERVER_BUSY',
        );
        expect(error.message).toBe('Cannot serve: planned');
      });

      it('throws what request() would reject with', async () => {
        const client = await connectScripted(world);
        const tooLong = new Uint8Array(70_000);
        const signal = AbortSignal.abort();
        expectThrownCode(() => client.requestSync(tooLong, BLOCK), 'MESSAGE_TOO_LONG');
        const none = { ...BLOCK, timeoutMs: 0 };
        expectThrownCode(() => client.requestSync(textBytes('?'), none), 'TIMEOUT');
        const aborted = { ...BLOCK, signal };
        expectThrownCode(() => client.requestSync(textBytes('?'), aborted), 'CANCELED');
        await client.close();
        const error = expectThrownCode(
          () => client.requestSync(textBytes('?'), BLOCK),
          'DISCONNECTED',
        );
        expect(error.executed).toBe('no');
      });

      it('is TIMEOUT when nobody answers in time, and the next one works', async () => {
        const client = await connectScripted(world);
        const startedAt = performance.now();
        const error = expectThrownCode(
          () => client.requestSync(textBytes('hold'), { ...BLOCK, timeoutMs: 130 }),
          'TIMEOUT',
        );
        expect([error.sent, error.executed]).toEqual([true, 'maybe']);
        // Where the handler needs this very thread, waiting for it is of no use.
        const isAlone = subject.lacks.processes !== undefined;
        if (!isAlone) expect(performance.now() - startedAt).toBeGreaterThanOrEqual(130);
        expect(bytesText(client.requestSync(textBytes('next'), BLOCK))).toBe('next');
      });

      it('lets other messages wait: they come after it, in order', async () => {
        const order: string[] = [];
        const client = await connectScripted(world, {
          onMessage: (message) => void order.push(bytesText(message.data)),
        });
        for (const text of ['tell one', 'tell two']) {
          const reply = bytesText(client.requestSync(textBytes(text), BLOCK));
          order.push(`reply ${reply}`);
        }
        expect(order).toEqual(['reply one', 'reply two']);
        await waitUntil('the datagrams', () => order.length === 4);
        expect(order.slice(2)).toEqual(['one', 'two']);
      });

      it('is REPLY_LOST when the server ends the connection during it', async () => {
        const client = await connectScripted(world);
        const error = expectThrownCode(
          () => client.requestSync(textBytes('abort'), BLOCK),
          'REPLY_LOST',
        );
        expect(error.executed).toBe('maybe');
        expect(await within('the end', client.closed)).toMatchObject({ reason: 'closed' });
      });
    },
  );
}

function describeOtherProcess(subject: TransportUnderTest): void {
  const reason = subject.lacks.synchronous ?? subject.lacks.processes;
  describe.skipIf(reason !== undefined)(
    `port 12, synchronous: with another process${because(reason)}`,
    () => {
      const world = usePortWorld(subject);

      it('is REPLY_LOST when the server dies during it', async () => {
        const client = await connectScripted(world);
        const error = expectThrownCode(
          () => client.requestSync(textBytes('die'), BLOCK),
          'REPLY_LOST',
        );
        expect(error.executed).toBe('maybe');
        expect(await within('the end', client.closed)).toEqual({ reason: 'died' });
        world.runtime.clear(); // What a killed server leaves.
      });

      it('handles callbacks within it meanwhile, and no others', async () => {
        const order: string[] = [];
        const client = await connectScripted(world, {
          onMessage: (message) => void order.push(`${message.kind} ${bytesText(message.data)}`),
        });
        const later = client.request(textBytes('callback other'), { onCallback: echo });
        const reply = client.requestSync(textBytes('callback mine'), {
          ...BLOCK,
          onCallback: (callback) => {
            order.push(`${callback.kind} ${bytesText(callback.data)}`);
            void callback.reply(textBytes('answered meanwhile'));
          },
        });
        expect(bytesText(reply)).toBe('answered meanwhile');
        expect(order).toEqual(['callback mine']);
        expect(bytesText(await later)).toBe('other');
      });

      it('can be nested: a callback makes a synchronous request', async () => {
        const client = await connectScripted(world);
        const inner: string[] = [];
        const reply = client.requestSync(textBytes('callback outer'), {
          ...BLOCK,
          onCallback: (callback: PortMessage) => {
            inner.push(bytesText(client.requestSync(textBytes('inner'), BLOCK)));
            void callback.reply(textBytes('outer done'));
          },
        });
        expect([bytesText(reply), ...inner]).toEqual(['outer done', 'inner']);
      });

      it('is CANCELED when a callback aborts its signal', async () => {
        const client = await connectScripted(world);
        const aborter = new AbortController();
        const error = expectThrownCode(
          () =>
            client.requestSync(textBytes('callback ?'), {
              ...BLOCK,
              signal: aborter.signal,
              onCallback: (callback) => {
                callback.defer();
                aborter.abort(new Error('enough'));
              },
            }),
          'CANCELED',
        );
        expect([error.sent, String(error.cause)]).toEqual([true, 'Error: enough']);
        expect(bytesText(await client.request(textBytes('alive')))).toBe('alive');
      });
    },
  );
}

function describeThreads(subject: TransportUnderTest): void {
  const reason = subject.lacks.synchronous ?? subject.lacks.processes;
  describe.skipIf(reason !== undefined)(
    `port 12, synchronous: in worker threads${because(reason)}`,
    () => {
      const world = usePortWorld(subject);
      const task = (role: 'sync-client' | 'blocked-client'): Parameters<typeof spawnThread>[0] => ({
        role,
        name: PORT_NAME,
        directory: world.runtime.directory,
        transport: 'shm',
        requests: 200,
      });

      it('needs no permission, several at once', async () => {
        await world.createPort({ onMessage: echo });
        const threads = [1, 2].map(() => spawnThread(task('sync-client')));
        expect(await Promise.all(threads.map(({ posted }) => posted))).toEqual([200, 200]);
        await Promise.all(threads.map(({ exited }) => exited));
      });

      it('can be terminated while it blocks, and the server is told', async () => {
        const { held, onMessage } = holding();
        const server = await world.createPort({ onMessage });
        const thread = spawnThread(task('blocked-client'));
        expect(await thread.posted).toBe('blocked');
        await waitUntil('the request', () => held.length === 1);
        await within('the thread to end', thread.worker.terminate());
        await waitUntil('no connection', () => server.connections.size === 0);
        expect(held[0]!.signal.aborted).toBe(true);
      });

      it('is REPLY_LOST there when the server aborts, and the thread goes on', async () => {
        const { held, onMessage } = holding();
        const server = await world.createPort({ onMessage });
        const thread = spawnThread(task('blocked-client'));
        await waitUntil('the request', () => held.length === 1);
        const failed = new Promise((resolve) => thread.worker.once('error', resolve));
        for (const port of server.connections) port.abort();
        const error = (await within('the error', failed)) as Error;
        expect(error.message).toContain('the other side closed the connection');
        await thread.exited;
      });
    },
  );
}
