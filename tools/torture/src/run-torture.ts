import {
  runReplyAndDie,
  runServerDeath,
  startVictim,
  seededRandom,
  type DeathReport,
} from '@portcall/testing';

import type { TortureOptions } from './torture-options.js';

/** Kills servers and clients in turns, then lets servers kill themselves after their replies. */
export async function runTorture(
  report: DeathReport,
  options: TortureOptions,
  onProgress: (done: string) => void,
): Promise<void> {
  const { kills, rounds, transport, seed } = options;
  const random = seededRandom(seed);
  await using victim = await startVictim({ transport, random });
  for (let kill = 0; kill < kills; kill++) {
    onProgress(`kill ${kill + 1} of ${kills}`);
    if (kill % 2 === 0) await runServerDeath(report, { transport, random });
    else await victim.runClientDeath(report);
  }
  // A socket's replies leave the process at the end of the turn; until then they die with it.
  const when = transport === 'shm' ? 'same turn' : 'next turn';
  for (let round = 0; round < rounds; round++) {
    onProgress(`self-kill ${round + 1} of ${rounds}`);
    await runReplyAndDie(report, { transport, random, when });
  }
}
