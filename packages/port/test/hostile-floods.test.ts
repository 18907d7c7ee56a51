/*
 * Threat: a process of an admitted user opens connections and leaves them half-done, or opens more
 * than there are places or descriptors for. Other clients of the same server are served meanwhile,
 * or told SERVER_BUSY or QUOTA_EXCEEDED; nobody is closed without a word, and when the flood is
 * over, everything is as before.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import type { PeerReport } from '@portcall/hostile';
import { connectPort, isPortError } from '@portcall/port';
import {
  spawnProgram,
  transportsUnderTest,
  waitUntil,
  within,
  type PortNodeCommands,
} from '@portcall/testing';

import { GROUNDS, VICTIM, lastOf, useHostileWorld } from './support/hostile-world.js';

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

const BUSY = ['SERVER_BUSY', 'QUOTA_EXCEEDED'];

/** What an honest client meets: it is served, or told why not. */
async function tryServed(directory: string, handshakeTimeoutMs = 1000): Promise<string> {
  try {
    const client = await connectPort(VICTIM, { directory, attributes: { handshakeTimeoutMs } });
    const reply = await client.request(new Uint8Array(10), { timeoutMs: 3000 });
    await within('the client to close', client.close());
    return reply.length === 10 ? 'served' : 'wrong reply';
  } catch (error) {
    return isPortError(error) ? error.code : String(error);
  }
}

/** How often each thing happened. */
function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

/** What the server said to each connection: a frame's type and status, or nothing. */
function answersOf(reports: readonly PeerReport[]): Record<string, number> {
  const frames = reports.filter(({ operation }) => operation === 'frame');
  return tally(
    frames.map(({ type, status, error }) => error ?? `type ${type} ${status ?? ''}`.trim()),
  );
}

describe.skipIf(reason !== undefined)(`floods ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  it.each(GROUNDS)('of 1 000 half-open sockets over $name', async ({ server }) => {
    await world.serve({ transport: server });
    const opening = world.peer.run(
      numbers(1000).map((slot) => `${slot} connect path=${world.path()}`),
    );
    const during = [await tryServed(world.directory)];
    await opening;
    during.push(await tryServed(world.directory), await tryServed(world.directory));
    expect(during.filter((one) => one !== 'served' && !BUSY.includes(one))).toEqual([]);
    await world.peer.run(numbers(1000).map((slot) => `${slot} close`));
    await world.expectHealthy();
    await world.expectNoConnections();
  });

  it.each(GROUNDS)(
    'of half-open sockets over $name end when their time is over',
    async ({ server }) => {
      await world.serve({ transport: server, attributes: { handshakeTimeoutMs: 200 } });
      const slots = numbers(100);
      const reports = await world.peer.run([
        ...slots.map((slot) => `${slot} connect path=${world.path()}`),
        ...slots.filter((slot) => slot % 2 === 1).map((slot) => `${slot} send data=5043`),
        ...slots.map((slot) => `${slot} end ms=4000`),
      ]);
      const ended = reports.filter(
        ({ operation, ended: isEnded }) => operation === 'end' && isEnded,
      );
      expect(ended.length).toBe(100);
      await world.expectHealthy();
    },
  );

  it.each(GROUNDS)(
    'of connections over $name: those with no place are told',
    async ({ server, shm }) => {
      await world.serve({
        transport: server,
        attributes: { maxConnections: 50, maxPendingConnects: 200 },
      });
      const slots = numbers(200);
      const reports = await world.peer.run([
        ...slots.map((slot) => `${slot} connect path=${world.path()}`),
        ...slots.map((slot) => `${slot} frame shm=${shm} ring=4096 infoText=accept`),
        ...slots.map((slot) => `${slot} answer`),
      ]);
      expect(answersOf(reports)).toEqual({ 'type 2': 50, 'type 3 15': 150 });
      expect(await tryServed(world.directory, 100)).toBe('SERVER_BUSY');
      await world.peer.run(slots.map((slot) => `${slot} close`));
      await world.expectNoConnections();
      await world.expectHealthy();
    },
  );

  it.each(GROUNDS)('of requests nobody decides over $name', async ({ server, shm }) => {
    await world.serve({ transport: server, attributes: { maxPendingConnects: 20 } });
    const slots = numbers(100);
    const reports = await world.peer.run([
      ...slots.map((slot) => `${slot} connect path=${world.path()}`),
      ...slots.map((slot) => `${slot} frame shm=${shm} ring=4096 infoText=defer`),
      ...slots.map((slot) => `${slot} drain ms=50`),
    ]);
    expect(reports.filter(({ violation }) => violation)).toEqual([]);
    const outcome = await tryServed(world.directory, 300);
    expect(['served', 'TIMEOUT', ...BUSY]).toContain(outcome);
    await world.peer.run(slots.map((slot) => `${slot} close`));
    await world.expectNoConnections();
    await world.expectHealthy();
  });

  it.each(GROUNDS)('of 900 connections that come and go over $name', async ({ server, shm }) => {
    await world.serve({ transport: server, ringBytes: 4096 });
    const round = numbers(30).flatMap((slot) => [
      `${slot} connect path=${world.path()}`,
      `${slot} frame shm=${shm} ring=4096 infoText=accept`,
      ...(slot % 3 === 0 ? [] : [`${slot} answer`]),
      ...(slot % 3 === 1 ? [`${slot} message`, `${slot} goodbye`] : []),
    ]);
    const healthy: string[] = [];
    for (let count = 0; count < 30; count++) {
      await world.peer.run(round);
      if (count % 6 === 0) healthy.push(await tryServed(world.directory));
    }
    await world.peer.run(numbers(30).map((slot) => `${slot} close`));
    expect(tally(healthy)).toEqual({ served: 5 });
    await world.expectNoConnections();
  });

  // A connection that has said goodbye takes its place for as long as it takes a descriptor.
  for (const { name, server, shm } of GROUNDS) {
    it(`of goodbyes without hanging up over ${name}`, async () => {
      await world.serve({ transport: server, ringBytes: 4096, attributes: { maxConnections: 10 } });
      const countSockets = (): number => readdirSync('/proc/self/fd').length;
      const before = countSockets();
      let most = 0;
      const looking = setInterval(() => (most = Math.max(most, countSockets())), 5);
      const lines = numbers(300).flatMap((slot) => [
        `${slot} connect path=${world.path()}`,
        `${slot} frame shm=${shm} ring=4096 infoText=accept`,
        `${slot} answer`,
        `${slot} message type=close`,
      ]);
      await world.peer.run([...lines, ...numbers(300).map((slot) => `${slot} close`)]);
      clearInterval(looking);
      expect(most - before).toBeLessThan(40);
    });
  }

  // Whoever connects chooses the limits that hold, and with them how soon it is told of.
  it('of small limits do not fill the log', async () => {
    let warnings = 0;
    const count = (): void => void warnings++;
    await world.serve({ transport: 'shm' });
    process.on('warning', count);
    await world.peer.run([
      `0 connect path=${world.path()}`,
      '0 frame shm=1 infoText=accept a03=2000',
      '0 answer',
      '0 requests count=500 window=64 size=900',
      '0 goodbye',
    ]);
    process.off('warning', count);
    expect(warnings).toBeLessThan(10);
  });

  it.each(['shm', 'socket'] as const)('on a %s server of 64 descriptors', async (transport) => {
    const child = await spawnProgram<PortNodeCommands>('port-node');
    try {
      const { directory } = world;
      const behaviour = { kind: 'echo' } as const;
      await child.call('createPort', { name: VICTIM, directory, transport, behaviour });
      execFileSync('prlimit', [`--pid=${child.pid}`, '--nofile=64:64']);
      const before = await child.call('counts');
      const slots = numbers(150);
      const shm = transport === 'shm' ? 1 : 0;
      const reports = await world.peer.run([
        ...slots.map((slot) => `${slot} connect path=${world.path()}`),
        ...slots.map((slot) => `${slot} frame shm=${shm} ring=4096 infoText=accept`),
        ...slots.map((slot) => `${slot} answer ms=500`),
      ]);
      // Who is inside is served; whoever is not waits, or is told.
      const answers = answersOf(reports);
      expect(
        Object.keys(answers).filter((key) => !/^(type 2|type 3 1[25]|nothing came)$/.test(key)),
      ).toEqual([]);
      const inside = slots.filter((slot) => {
        return reports.some(
          (one) => one.slot === slot && one.operation === 'frame' && one.type === 2,
        );
      });
      expect(inside.length).toBeGreaterThan(0);
      const used = await world.peer.run(inside.map((slot) => `${slot} requests count=9 size=900`));
      for (const one of used) expect(one).toMatchObject({ replied: 9, wrong: 0 });
      const outsider = await tryServed(directory, 500);
      expect(['served', 'TIMEOUT', ...BUSY]).toContain(outsider);
      await world.peer.run(slots.map((slot) => `${slot} close`));
      expect(await tryServed(directory, 5000)).toBe('served');
      const isAsBefore = async (): Promise<boolean> => {
        return JSON.stringify(await child.call('counts')) === JSON.stringify(before);
      };
      await waitUntil('what the server held before', isAsBefore);
      expect(lastOf(reports, 'connect')).toBe(undefined);
    } finally {
      await child.close();
    }
  });

  // That the server cannot take the section's descriptor is no fault of its peer.
  it('on a server with no descriptor left: who sends a section is told', async () => {
    await world.serve({ transport: 'shm' });
    const asking = [`connect path=${world.path()}`, 'frame shm=1 infoText=accept', 'answer'];
    await world.peer.run(asking.map((line) => `0 ${line}`));
    const reports = await withoutDescriptors(() =>
      world.peer.run(['0 requests count=4 size=50000']),
    );
    const [requests] = reports;
    const isServed = requests?.['replied'] === 4;
    const isTold = Number(requests?.['others']) > 0; // CLOSE with a status.
    expect(isServed || isTold).toBe(true);
  });
});

/** Runs something while this process can open no descriptor. */
async function withoutDescriptors<T>(run: () => Promise<T>): Promise<T> {
  const setLimit = (limit: number): void => {
    execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${limit}:`], { stdio: 'ignore' });
  };
  const before = Number(
    /Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1],
  );
  // Room for spawning prlimit again (pipes and a loop of its own): about ten.
  setLimit(Math.max(...readdirSync('/proc/self/fd').map(Number)) + 32);
  const fillers: number[] = [];
  try {
    for (;;) fillers.push(openSync('/dev/null', 'r'));
  } catch {
    return await run();
  } finally {
    for (const filler of fillers) closeSync(filler);
    setLimit(before);
  }
}
