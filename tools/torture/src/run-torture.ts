import {
  countOutcome,
  runReplyAndDie,
  runServerDeath,
  startVictim,
  seededRandom,
} from '@portcall/testing';

import { runInstructionSteps } from './campaigns/instruction-steps.js';
import { runKillCycles } from './campaigns/kill-cycles.js';
import { runNodeCycles } from './campaigns/node-cycles.js';
import { runOddDeaths } from './campaigns/odd-deaths.js';
import { runClientSystemCalls, runServerSystemCalls } from './campaigns/system-calls.js';
import type { TortureReport } from './torture-report.js';
import { whyNoTracing } from './tracing.js';
import type { TortureOptions } from './torture-options.js';

/**
 * Kills servers and clients in turns, lets servers kill themselves after their replies, then kills
 * C clients between the instructions of their publish, and what else was asked for.
 */
export async function runTorture(
  report: TortureReport,
  options: TortureOptions,
  onProgress: (done: string) => void,
): Promise<void> {
  const { kills, rounds, steps, transport, seed } = options;
  const random = seededRandom(seed);
  if (kills > 0) await runKills(report, options, { random, onProgress });
  // A socket's replies leave the process at the end of the turn; until then they die with it.
  const when = transport === 'shm' ? 'same turn' : 'next turn';
  for (let round = 0; round < rounds; round++) {
    onProgress(`self-kill ${round + 1} of ${rounds}`);
    await runReplyAndDie(report, { transport, random, when });
  }
  if (steps > 0) await runSteps(report, steps, onProgress);
  const { cycles } = options;
  if (cycles > 0) {
    requireTracing();
    await runKillCycles(report, { cycles, seed }, onProgress);
  }
  if (options.nodeCycles > 0) {
    await runNodeCycles(report, { cycles: options.nodeCycles, seed }, onProgress);
  }
  const every = options.systemCalls;
  if (every > 0) {
    requireTracing();
    const ofClient = await runClientSystemCalls(report, { every }, onProgress);
    countOutcome(report, 'system calls of a client', ofClient);
    const ofServer = await runServerSystemCalls(report, { every }, onProgress);
    countOutcome(report, 'system calls of a server', ofServer);
  }
  if (options.oddDeaths > 0) {
    requireTracing();
    await runOddDeaths(report, options.oddDeaths, onProgress);
  }
}

async function runKills(
  report: TortureReport,
  options: TortureOptions,
  run: { readonly random: () => number; readonly onProgress: (done: string) => void },
): Promise<void> {
  const { kills, transport } = options;
  const { random, onProgress } = run;
  await using victim = await startVictim({ transport, random });
  for (let kill = 0; kill < kills; kill++) {
    onProgress(`kill ${kill + 1} of ${kills}`);
    if (kill % 2 === 0) await runServerDeath(report, { transport, random });
    else await victim.runClientDeath(report);
  }
}

/** @throws Error where processes cannot be traced: what was asked for was not done */
function requireTracing(): void {
  const reason = whyNoTracing();
  if (reason !== undefined) throw new Error(`Cannot kill C clients: ${reason}`);
}

async function runSteps(
  report: TortureReport,
  every: number,
  onProgress: (done: string) => void,
): Promise<void> {
  requireTracing();
  for (const way of ['words', 'peer'] as const) {
    const steps = await runInstructionSteps(report, { way, every }, onProgress);
    countOutcome(report, `instructions of the publish by ${way}`, steps);
  }
}
