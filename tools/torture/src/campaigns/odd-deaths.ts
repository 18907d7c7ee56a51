import { setTimeout as sleep } from 'node:timers/promises';

import {
  check,
  countOutcome,
  createTemporaryRuntime,
  numberedBytes,
  sameBytes,
  spawnProgram,
  within,
  type PortNodeCommands,
} from '@portcall/testing';

import { TARGET_NAME } from '../target-name.js';
import { Target, type Taken } from '../target.js';
import { TortureClient, momentOf } from '../torture-client.js';
import { noteTime, type TortureReport } from '../torture-report.js';
import { useName } from './use-name.js';

/** Lease of the frozen clients' server. */
const LEASE_MS = 500;

/** A lease may run out so much too early; how late it runs out is noted: machines are busy. */
const LEASE_SHARE_MIN = 0.9;

/** Kills server and client in the same moment: the name is free at once. */
export async function runBothDie(report: TortureReport): Promise<void> {
  const runtime = createTemporaryRuntime();
  await using client = new TortureClient();
  try {
    const { directory } = runtime;
    const server = await spawnProgram<PortNodeCommands>('port-node');
    await server.call('createPort', { name: TARGET_NAME, directory, behaviour: { kind: 'echo' } });
    const { pid } = await client.run(`start role=caller path=${directory}/${TARGET_NAME}`);
    await client.run(`kill pid=${pid} other=${server.pid}`);
    const exit = await server.exited;
    await check(report, 'both at once: the server was killed', () => {
      if (exit.signal !== 'SIGKILL') throw new Error(JSON.stringify(exit));
    });
    await check(report, 'both at once: the name is free at once', () => useName(directory));
    countOutcome(report, 'server and client killed at once');
  } finally {
    runtime.discard();
  }
}

/** Kills a client whose parent does not wait: it stays a zombie, and is told as dead at once. */
export async function runZombie(report: TortureReport): Promise<void> {
  await using client = new TortureClient();
  await using target = await Target.open();
  const { pid } = await client.run(`start role=caller path=${target.path}`);
  const taken = await target.next();
  const killed = await client.run(`kill pid=${pid} reap=0`);
  await check(report, 'a zombie: the end is told as a death', async () => {
    const { closed, atMs } = await within('the end', taken.end);
    noteTime(report, "from kill of a zombie to the server's closed", atMs - momentOf(killed));
    if (closed.reason !== 'died') throw new Error(JSON.stringify(closed));
  });
  await check(report, 'a zombie: it is one still, and nothing is left', async () => {
    process.kill(pid ?? 0, 0); // Throws once somebody has waited for it.
    await target.expectNothingLeft();
  });
  await client.run(`reap pid=${pid}`);
  countOutcome(report, 'zombies');
}

/**
 * Stops a client that owes a reply, and lets it go on: within the lease nothing has happened;
 * beyond it the connection has ended as unresponsive, not before the lease was over.
 *
 * @param thawMs when it goes on that is to do so within the lease; a test plants one beyond it
 */
export async function runFreeze(
  report: TortureReport,
  when: 'within' | 'beyond',
  thawMs = LEASE_MS / 2,
): Promise<void> {
  await using client = new TortureClient();
  await using target = await Target.open({ attributes: { leaseMs: LEASE_MS } });
  const { pid = 0 } = await client.run(`start role=echo path=${target.path}`);
  const taken = await target.next();
  await callOnce(taken, 1);
  process.kill(pid, 'SIGSTOP');
  const stoppedAtMs = performance.now();
  const call = callOnce(taken, 2);
  const outcome = call.then(
    () => 'replied',
    (error: unknown) => String((error as { code?: string }).code),
  );
  if (when === 'within') {
    await sleep(thawMs);
    process.kill(pid, 'SIGCONT');
    await check(report, 'thawed within the lease: the reply comes', async () => {
      const told = await within('the reply', outcome);
      if (told !== 'replied') throw new Error(told);
    });
    await check(report, 'thawed within the lease: the next one too', () => callOnce(taken, 3));
  } else {
    await check(report, 'frozen beyond the lease: told as unresponsive, not early', async () => {
      const { closed, atMs } = await within('the end', taken.end);
      const share = (atMs - stoppedAtMs) / LEASE_MS;
      noteTime(report, `from stop to the end of a lease of ${LEASE_MS} ms`, atMs - stoppedAtMs);
      const told = await outcome;
      if (closed.reason !== 'unresponsive') throw new Error(JSON.stringify(closed));
      if (told !== 'PEER_UNRESPONSIVE') throw new Error(told);
      if (share < LEASE_SHARE_MIN) throw new Error(`after ${share.toFixed(2)} of the lease`);
    });
    process.kill(pid, 'SIGCONT');
  }
  // It may have ended by itself, told of the end; it is a zombie then, which can be killed too.
  await client.run(`kill pid=${pid}`);
  await check(report, `frozen, ${when} the lease: nothing is left`, async () => {
    await within('the end', taken.end);
    await target.expectNothingLeft();
  });
  await check(report, 'the next client is served', () => target.expectHealthy());
  countOutcome(report, `frozen, ${when} the lease`);
}

async function callOnce({ port }: Taken, number: number): Promise<void> {
  const data = numberedBytes(number, 100);
  const reply = await port.request(data, { timeoutMs: 10_000 });
  if (!sameBytes(reply, data)) throw new Error('It got another reply');
}

/** Runs each of them so many times. */
export async function runOddDeaths(
  report: TortureReport,
  rounds: number,
  onProgress: (done: string) => void = () => undefined,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    onProgress(`odd deaths ${round} of ${rounds}`);
    await runBothDie(report);
    await runZombie(report);
    await runFreeze(report, 'within');
    await runFreeze(report, 'beyond');
  }
}
