import { describe, expect, it } from 'vitest';

import type { CommunicationPort, ConnectionPort, PortMessage } from '@portcall/port';

import { numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { PortNodeCommands } from '../programs/port-node.js';
import { endProgram, spawnProgram, type Program } from '../spawn-program.js';
import { because, type TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

/** How each side learns that the other one has gone: once, last, and which way. */
export function describeDeath(subject: TransportUnderTest): void {
  describeNotices(subject);
  describeKilled(subject);
  describeFrozen(subject);
}

/** Everything that can be received now, by kind and number. */
async function receiveAll(port: ConnectionPort | CommunicationPort): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    let message: PortMessage | undefined;
    try {
      message = await port.receive({ timeoutMs: 0 });
    } catch (error) {
      return [...all, (error as { code: string }).code];
    }
    if (message === undefined) return all;
    const isNotice = message.kind === 'port-closed' || message.kind === 'client-died';
    all.push(isNotice ? message.kind : `${message.kind} ${numberOf(message.data)}`);
  }
}

function describeNotices(subject: TransportUnderTest): void {
  describe('port 18, death: close()', () => {
    const world = usePortWorld(subject);

    it('of a client is one port-closed for who receives, behind all messages', async () => {
      const { server, client, accepted } = await world.pair();
      for (let number = 0; number < 3; number++) await client.send(numberedBytes(number, 9));
      await client.close();
      await within('the end', accepted.closed);
      const wanted = ['datagram 0', 'datagram 1', 'datagram 2', 'port-closed'];
      expect(await receiveAll(server)).toEqual(wanted);
      expect(await receiveAll(server)).toEqual([]);
    });

    it('of the server is one port-closed at the client, then DISCONNECTED', async () => {
      const { client, accepted } = await world.pair();
      for (let number = 0; number < 3; number++) await accepted.send(numberedBytes(number, 9));
      await accepted.close();
      await within('the end', client.closed);
      const wanted = ['datagram 0', 'datagram 1', 'datagram 2', 'port-closed', 'DISCONNECTED'];
      expect(await receiveAll(client)).toEqual(wanted);
      expect(await receiveAll(client)).toEqual(['DISCONNECTED']);
    });

    it('wakes who waits, and no second one', async () => {
      const { client, accepted } = await world.pair();
      const waiting = [client.receive(), expectCode(client.receive(), 'DISCONNECTED')] as const;
      await accepted.close();
      expect((await within('the notice', waiting[0]))?.kind).toBe('port-closed');
      await waiting[1];
    });

    it('of one client is told with the port that ended', async () => {
      const { server, client, accepted } = await world.pair();
      await world.connect();
      const waiting = server.receive();
      client.abort();
      const notice = await within('the notice', waiting);
      expect([notice!.kind, notice!.port, notice!.isRequest]).toEqual([
        'port-closed',
        accepted,
        false,
      ]);
      expect(await receiveAll(server)).toEqual([]);
    });

    it('is no message for a handler, but the end of closed, once', async () => {
      const { held, onMessage } = holding();
      let ends = 0;
      const { client, accepted } = await world.pair({ server: { onMessage } });
      void accepted.closed.then(() => ends++);
      await client.send(numberedBytes(1, 9));
      await client.close();
      expect(await within('the end', accepted.closed)).toEqual({ reason: 'closed' });
      expect([held.length, ends]).toEqual([1, 1]);
    });

    it('delivers replies that were given before it', async () => {
      const { held, onMessage } = holding();
      const { client, accepted } = await world.pair({ server: { onMessage } });
      const replies = [0, 1, 2].map((number) => client.request(numberedBytes(number, 9)));
      const outcomes = Promise.allSettled(replies);
      await waitUntil('the requests', () => held.length === 3);
      for (const message of held.slice(0, 2)) void message.reply(message.data);
      accepted.abort();
      const kinds = (await outcomes).map((outcome) => {
        return outcome.status === 'fulfilled'
          ? numberOf(outcome.value)
          : (outcome.reason as { code: string }).code;
      });
      expect(kinds).toEqual([0, 1, 'REPLY_LOST']);
    });
  });
}

function describeKilled(subject: TransportUnderTest): void {
  const { processes } = subject.lacks;
  describe.skipIf(processes !== undefined)(`port 18, death: SIGKILL${because(processes)}`, () => {
    const world = usePortWorld(subject);

    async function spawnClient(): Promise<Program<PortNodeCommands>> {
      const child = await spawnProgram<PortNodeCommands>('port-node');
      world.onClose(async () => void (await child.close()));
      const { directory } = world.runtime;
      const transport = subject.name === 'shm' ? 'shm' : 'socket';
      await child.call('connect', { name: PORT_NAME, directory, transport });
      return child;
    }

    it('of a client is one client-died for who receives, behind all messages', async () => {
      const server = await world.createPort();
      const child = await spawnClient();
      await child.call('sendDatagrams', { count: 3, sizeBytes: 9 });
      const [accepted] = server.connections;
      child.kill();
      expect(await within('the end', accepted!.closed)).toEqual({ reason: 'died' });
      const wanted = ['datagram 0', 'datagram 1', 'datagram 2', 'client-died'];
      expect(await receiveAll(server)).toEqual(wanted);
      expect(await receiveAll(server)).toEqual([]);
    });

    it('of a client aborts the signals of its requests, and replies are false', async () => {
      const { held, onMessage } = holding();
      const server = await world.createPort({ onMessage });
      const child = await spawnClient();
      void child.call('startRequests', { count: 5, sizeBytes: 9 }).catch(() => undefined);
      await waitUntil('the requests', () => held.length === 5);
      const [accepted] = server.connections;
      child.kill();
      expect(await within('the end', accepted!.closed)).toEqual({ reason: 'died' });
      expect(held.map(({ signal }) => signal.aborted)).toEqual(held.map(() => true));
      expect(await held[0]!.reply(textBytes('nobody'))).toBe(false);
      await waitUntil('no connection', () => server.connections.size === 0);
    });

    it('of the server settles all requests, and is one client-died at the client', async () => {
      const child = await spawnProgram<PortNodeCommands>('port-node');
      world.onClose(() => endProgram(child));
      const { directory } = world.runtime;
      const behaviour = { kind: 'half' } as const;
      await child.call('createPort', { name: PORT_NAME, directory, behaviour });
      const client = await world.connect();
      const requests = Array.from({ length: 20 }, (_, number) => {
        return client.request(numberedBytes(number, 9));
      });
      const outcomes = Promise.allSettled(requests);
      await Promise.all(requests.filter((_, number) => number % 2 === 0));
      const waiting = client.receive();
      await waitUntil('all to be there', async () => (await child.call('state')).held === 10);
      child.kill();
      for (const [number, outcome] of (await within('all', outcomes)).entries()) {
        if (number % 2 === 0) expect(outcome.status).toBe('fulfilled');
        else expect(outcome).toMatchObject({ reason: { code: 'REPLY_LOST', executed: 'maybe' } });
      }
      expect((await within('the notice', waiting))?.kind).toBe('client-died');
      expect(await receiveAll(client)).toEqual(['DISCONNECTED']);
      expect(await client.closed).toEqual({ reason: 'died' });
      world.runtime.clear(); // What a killed server leaves.
    });
  });
}

function describeFrozen(subject: TransportUnderTest): void {
  const { identity } = subject.lacks;
  describe.skipIf(identity !== undefined)(`port 18, death: SIGSTOP${because(identity)}`, () => {
    const world = usePortWorld(subject);

    it('of a server that owes a reply is PEER_UNRESPONSIVE after the lease', async () => {
      const child = await spawnProgram<PortNodeCommands>('port-node');
      world.onClose(async () => {
        child.kill('SIGCONT');
        await endProgram(child);
      });
      const { directory } = world.runtime;
      const behaviour = { kind: 'half' } as const;
      await child.call('createPort', { name: PORT_NAME, directory, behaviour });
      const client = await world.connect({ attributes: { leaseMs: 200 } });
      await client.request(numberedBytes(0, 9));
      const lost = expectCode(client.request(numberedBytes(1, 9)), 'PEER_UNRESPONSIVE');
      await waitUntil('the request', async () => (await child.call('state')).held === 1);
      const startedAt = performance.now();
      child.kill('SIGSTOP');
      expect((await lost).executed).toBe('maybe');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(100);
      expect(await client.closed).toEqual({ reason: 'unresponsive' });
    });

    it('of a server that answers nothing but works is no end', async () => {
      const child = await spawnProgram<PortNodeCommands>('port-node');
      world.onClose(() => endProgram(child));
      const { directory } = world.runtime;
      const behaviour = { kind: 'hold' } as const;
      await child.call('createPort', { name: PORT_NAME, directory, behaviour });
      const client = await world.connect({ attributes: { leaseMs: 50 } });
      const late = client.request(numberedBytes(1, 9), { timeoutMs: 500 });
      await expectCode(late, 'TIMEOUT');
      expect(await client.receive({ timeoutMs: 0 })).toBe(undefined);
    });
  });
}
