/*
 * Threat: this implementation and its page say different things, and the tests, written with the
 * implementation, never notice. A peer in C, written from docs/PROTOCOL.md alone, checks every byte
 * that it gets, as client and as server.
 */
import { describe, expect, it } from 'vitest';

import type { PeerReport } from '@portcall/hostile';
import { connectPort, type ConnectPortOptions } from '@portcall/port';
import { patternBytes, sameBytes, transportsUnderTest, within } from '@portcall/testing';

import { GROUNDS, VICTIM, lastOf, useHostileWorld } from './support/hostile-world.js';

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

/** What the peer found against the page, or could not do. */
function complaintsOf(reports: readonly PeerReport[]): readonly PeerReport[] {
  return reports.filter(({ violation, error }) => (violation ?? error) !== undefined);
}

describe.skipIf(reason !== undefined)(`a peer from the page alone ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  for (const ground of GROUNDS) {
    describe(`as a client over ${ground.name}`, () => {
      const asking = (words = ''): string[] => [
        `0 connect path=${world.path()}`,
        `0 frame shm=${ground.shm} infoText=accept ${words}`,
        '0 answer',
      ];

      it.each([
        ['nothing', 0, 64],
        ['a byte', 1, 64],
        ['odd bytes', 333, 64],
        ['what no small ring holds', 3000, 64],
        ['sections', 40_000, 16],
        ['long sections', 1_000_000, 2],
      ])('exchanges requests of %s', async (_, size, window) => {
        const attributes = { maxMessageLength: 2_000_000 };
        await world.serve({ transport: ground.server, attributes });
        const count = size > 100_000 ? 20 : 500;
        const reports = await world.peer.run([
          ...asking('ring=8192'),
          `0 requests count=${count} size=${size} window=${window} ms=20000`,
          '0 ping',
          '0 goodbye',
        ]);
        expect(complaintsOf(reports)).toEqual([]);
        expect(lastOf(reports, 'frame')).toMatchObject({ type: 2, features: ground.shm });
        expect(lastOf(reports, 'requests')).toMatchObject({ replied: count, wrong: 0, others: 0 });
        expect(lastOf(reports, 'ping')).toMatchObject({ alive: true });
        expect(lastOf(reports, 'goodbye')).toMatchObject({ ended: true });
        await world.expectNoConnections();
      });

      // The bytes that fill a record of a stream up may come with the next one only.
      it('is answered before it fills its record up', async () => {
        await world.serve({ transport: ground.server });
        const reports = await world.peer.run([
          ...asking(),
          '0 lazy',
          '0 requests count=20 size=333 ms=500',
          '0 goodbye',
        ]);
        expect(lastOf(reports, 'requests')).toMatchObject({ replied: 20, wrong: 0 });
      });

      it('lives on little credit', async () => {
        await world.serve({ transport: ground.server });
        const reports = await world.peer.run([
          ...asking('a04=5 a03=2000'),
          '0 requests count=300 size=900 window=64 ms=20000',
          '0 goodbye',
        ]);
        expect(complaintsOf(reports)).toEqual([]);
        expect(lastOf(reports, 'requests')).toMatchObject({ replied: 300, wrong: 0 });
      });

      it('is told who answers, what it said, and that it is rejected', async () => {
        const info = Buffer.from('welcome');
        await world.serve({
          transport: ground.server,
          onConnect: (request) => {
            if (request.info.length > 0) request.accept({ info });
            else request.reject(Buffer.from('no'));
          },
        });
        const reports = await world.peer.run([
          ...asking(),
          `1 connect path=${world.path()}`,
          `1 frame shm=${ground.shm}`,
          '1 answer',
          '1 end',
          '0 goodbye',
        ]);
        expect(complaintsOf(reports)).toEqual([]);
        const [accepted, rejected] = reports.filter(({ operation }) => operation === 'frame');
        expect(accepted).toMatchObject({ type: 2, info: info.toString('hex') });
        expect(accepted?.['senderPid']).toBe(process.pid);
        expect(rejected).toMatchObject({ type: 3, status: 5, info: '6e6f' });
        expect(lastOf(reports, 'end')).toMatchObject({ ended: true, unread: 0 });
      });
    });
  }

  /** The carriers that a client has: with shared memory offered, and with it refused. */
  const kinds = [
    { name: 'shared memory', transport: 'shm', shm: 1 },
    { name: 'the stream that the server wants', transport: 'shm', shm: 0 },
    { name: 'the stream', transport: 'socket', shm: 0 },
  ] as const;

  for (const kind of kinds) {
    describe(`as a server over ${kind.name}`, () => {
      const connecting = (options: ConnectPortOptions = {}): ReturnType<typeof connectPort> =>
        connectPort(VICTIM, {
          directory: world.directory,
          transport: kind.transport,
          attributes: { maxMessageLength: 2_000_000 },
          ...options,
        });

      it('serves requests of every size, and the end', async () => {
        await world.peer.run([`0 listen path=${world.path()}`]);
        const serving = world.peer.run([
          '1 accept from=0',
          '1 answer',
          `1 frame type=2 shm=${kind.shm} ring=16384 infoText=hello`,
          '1 serve ms=10000',
          '1 end',
        ]);
        const client = await connecting({ info: Buffer.from('client') });
        expect(Buffer.from(client.info).toString()).toBe('hello');
        expect(client.transportName).toBe(kind.shm === 1 ? 'shm' : 'socket');
        for (const size of [0, 1, 7, 8, 9, 4000, 8152, 8153, 32_768, 32_769, 500_000]) {
          const data = patternBytes(size, size);
          expect(sameBytes(await client.request(data, { timeoutMs: 5000 }), data)).toBe(true);
        }
        const burst = Array.from({ length: 300 }, (_, index) => patternBytes(index * 9, index));
        const replies = await Promise.all(burst.map((data) => client.request(data)));
        expect(replies.every((reply, index) => sameBytes(reply, burst[index]!))).toBe(true);
        for (let index = 0; index < 50; index++) await client.send(patternBytes(100, index));
        await within('the client to close', client.close());
        const reports = await within('the peer', serving, 12_000);
        expect(complaintsOf(reports)).toEqual([]);
        expect(lastOf(reports, 'serve')).toMatchObject({
          requests: 311,
          datagrams: 50,
          closed: true,
        });
      });

      it('may close, or die: the client knows which', async () => {
        await world.peer.run([`0 listen path=${world.path()}`]);
        for (const [line, wanted] of [
          ['1 goodbye ms=1000', 'closed'],
          ['1 close', 'died'],
        ] as const) {
          const serving = world.peer.run([
            '1 accept from=0',
            '1 answer',
            `1 frame type=2 shm=${kind.shm}`,
            '1 serve count=1',
            line,
          ]);
          const client = await connecting();
          await client.request(Buffer.from('hello'));
          expect(await within('the end', client.closed)).toMatchObject({ reason: wanted });
          await serving;
        }
      });
    });
  }
});
