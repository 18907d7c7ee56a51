import { describe, expect, it } from 'vitest';

import {
  emptyReport,
  runReplyAndDie,
  runServerDeath,
  seededRandom,
  startVictim,
  transportsUnderTest,
  type DeathReport,
} from '@portcall/testing';

/*
 * The same cycles as `tools/torture`, fewer of them. Settling is measured from the 'exit' event of
 * the killed child, which is when this process is told of the death.
 */

const CYCLES = { shm: 10, socket: 5 };

const kinds = transportsUnderTest().flatMap(({ name, skipReason }) => {
  return name === 'memory' ? [] : [{ name, skipReason }];
});

function expectClean(report: DeathReport, checksAtLeast: number): void {
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThanOrEqual(checksAtLeast);
}

for (const { name, skipReason } of kinds) {
  const isSkipped = skipReason !== undefined;
  const cycles = CYCLES[name];
  describe.skipIf(isSkipped)(`SIGKILL over ${name} ${skipReason ?? ''}`, () => {
    it('of the server: every call settles, the name is free, nothing is left', async () => {
      const report = emptyReport();
      const random = seededRandom(1);
      for (let cycle = 0; cycle < cycles; cycle++) {
        await runServerDeath(report, { transport: name, random });
      }
      expectClean(report, cycles * (5 + 32));
      expect(report.settleAfterExitMs.length).toBe(cycles);
    });

    it('of the client: the handlers are told, and nothing is left in the server', async () => {
      const report = emptyReport();
      const options = { transport: name, random: seededRandom(2) };
      await using victim = await startVictim(options);
      for (let cycle = 0; cycle < cycles; cycle++) await victim.runClientDeath(report);
      expectClean(report, cycles * 3);
    });
  });
}

const ROUNDS = [
  { transport: 'shm', when: 'same turn', count: 20 },
  { transport: 'shm', when: 'next turn', count: 5 },
  // A socket's replies leave the process at the end of the turn; until then they die with it.
  { transport: 'socket', when: 'next turn', count: 10 },
] as const;

for (const { transport, when, count } of ROUNDS) {
  const reason = kinds.find(({ name }) => name === transport)?.skipReason;
  const title = `replies over ${transport} before death in the ${when} ${reason ?? ''}`;
  it.skipIf(reason !== undefined)(`${title}are delivered, ${count} times`, async () => {
    const report = emptyReport();
    const random = seededRandom(3);
    for (let index = 0; index < count; index++) {
      await runReplyAndDie(report, { transport, when, random });
    }
    expectClean(report, count * (32 + 2));
  });
}
