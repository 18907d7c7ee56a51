/*
 * Threat: a thread of the other end writes at random into the memory that its ring is in (cursors,
 * epochs, record and message headers, anything) while this side reads that ring and writes its own.
 * Only that connection may end, by a violation; others notice nothing, and nothing leaks.
 *
 * PORTCALL_STORM_MS says how long; `npm run fuzz -- --target storm --seconds 60` sets it.
 */
import { describe, expect, it } from 'vitest';

import { connectPort, type ConnectionRequest, type PortClosed } from '@portcall/port';
import { patternBytes, sameBytes, transportsUnderTest } from '@portcall/testing';

import { lastOf, useHostileWorld, VICTIM } from './support/hostile-world.js';

const STORM_MS = Number(process.env['PORTCALL_STORM_MS'] ?? 3000);

/** What each connection is spoilt with, and for how long it is if it lives. */
const WEATHER = [
  'words=1 ring=0 ms=30',
  'words=0 ring=1 ms=30',
  'words=1 ring=1 ms=30',
  // Few connections live long under these: it is to be seen that without them they do.
  'words=0 ring=0 ms=10',
] as const;

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`a peer that writes anywhere ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  it('ends its own connection at most', { timeout: 60_000 + 2 * STORM_MS }, async () => {
    const closed: PortClosed[] = [];
    const onConnect = (request: ConnectionRequest): void => {
      const before = new Set(world.server.connections);
      request.accept();
      for (const port of world.server.connections) {
        if (!before.has(port)) void port.closed.then((how) => closed.push(how));
      }
    };
    await world.serve({ transport: 'shm', ringBytes: 4096, onConnect });
    const good = await connectPort(VICTIM, { directory: world.directory });
    let storms = 0;
    let writes = 0;
    let sent = 0;
    const endsAt = performance.now() + STORM_MS;
    while (performance.now() < endsAt) {
      const lines = WEATHER.flatMap((weather, slot) => [
        `${slot} connect path=${world.path()}`,
        `${slot} frame shm=1 infoText=accept ring=4096`,
        `${slot} answer`,
        `${slot} storm seed=${++storms} ${weather}`,
        `${slot} close`,
      ]);
      const storming = world.peer.run(lines);
      // Meanwhile, of several sizes, by ring and by section.
      for (const size of [10, 1500, 60_000]) {
        const data = patternBytes(size, storms);
        const reply = await good.request(data, { timeoutMs: 10_000 });
        expect(sameBytes(reply, data)).toBe(true);
      }
      for (const report of await storming) {
        if (report.operation !== 'storm') continue;
        expect(report.error).toBeUndefined();
        writes += Number(report['writes']);
        sent += Number(report['sent']);
      }
    }
    await good.close();
    await world.expectNoConnections();
    await world.expectHealthy();
    await world.expectNoConnections();
    const count = (how: PortClosed['reason']): number => {
      return closed.filter((one) => one.reason === how).length;
    };
    // Ours closed in good order. The others ended by a violation, or when their time was over.
    expect(count('closed')).toBe(2);
    expect(count('violation') + count('died')).toBe(storms);
    expect(count('violation')).toBeGreaterThan(0);
    expect(count('died')).toBeGreaterThanOrEqual(storms / WEATHER.length);
    expect(sent).toBeGreaterThan(storms);
    console.log(
      `storm: ${storms} connections, ${writes} random writes, ${sent} requests, ` +
        `${count('violation')} violations, ${count('died')} lived to their end`,
    );
  });

  it('is told from one that does not: good weather lives', async () => {
    await world.serve({ transport: 'shm', ringBytes: 4096 });
    const reports = await world.peer.run([
      `0 connect path=${world.path()}`,
      '0 frame shm=1 infoText=accept ring=4096',
      '0 answer',
      '0 requests count=100 size=24 window=8',
      '0 goodbye',
    ]);
    expect(lastOf(reports, 'requests')).toMatchObject({ replied: 100, wrong: 0 });
  });
});
