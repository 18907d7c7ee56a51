import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  connectPort,
  createPort,
  isPortError,
  type CommunicationPort,
  type EndpointOptions,
} from '@portcall/port';

import { numberOf, numberedBytes, sameBytes } from './bytes.js';
import { check, countOutcome, type DeathReport } from './death-report.js';
import { countResources, expectResources, type ResourceCounts } from './leak-check.js';
import type { PortNodeCommands } from './programs/port-node.js';
import { spawnProgram } from './spawn-program.js';
import { createTemporaryRuntime } from './temporary-runtime.js';
import { waitUntil, within } from './wait-until.js';

/** What a death is made with. */
export interface DeathOptions {
  readonly transport: 'shm' | 'socket';
  /** Anything random in a cycle is drawn from it: 0 up to 1. */
  readonly random: () => number;
}

/** Requests under way when the process is killed. */
export const CALLERS = 32;

/** All requests must have settled this soon after the death was reported. */
export const SETTLE_MS_MAX = 50;

/** Something of every way a message can travel. */
const SIZES = [8, 200, 5000, 40_000];

/** Requests of one cycle, and when the last of them settled. */
interface Callers {
  readonly done: Promise<unknown>;
  replies: number;
  /** Numbers of the requests of which the client said that they were never delivered. */
  readonly undelivered: Set<number>;
  lastSettledAtMs: number;
}

/**
 * Kills a server while 32 requests are under way, at a random moment, and checks that each settled
 * in time with an outcome that is true, that the name is free at once, and that nothing is left.
 */
export async function runServerDeath(report: DeathReport, options: DeathOptions): Promise<void> {
  const base = countResources();
  const runtime = createTemporaryRuntime();
  try {
    await cycle(report, options, { base, directory: runtime.directory });
  } finally {
    runtime.discard();
  }
}

async function cycle(
  report: DeathReport,
  options: DeathOptions,
  place: { readonly base: ResourceCounts; readonly directory: string },
): Promise<void> {
  const { transport, random } = options;
  const { base, directory } = place;
  const endpoint = { directory, transport };
  const program = await spawnProgram<PortNodeCommands>('port-node');
  const log = join(directory, 'log.txt');
  const behaviour = { kind: random() < 0.5 ? 'echo' : 'half', log } as const;
  await program.call('createPort', { name: 'death', ...endpoint, behaviour });
  const client = await connectPort('death', endpoint);
  const callers = startCallers(report, client, random);
  await randomMoment(callers, random);
  const killedAtMs = performance.now();
  program.kill();
  const exit = await program.exited;
  await check(report, 'requests of a dead server settle', async () => {
    await within('all requests to settle', callers.done);
    const afterExitMs = callers.lastSettledAtMs - exit.atMs;
    report.settleAfterExitMs.push(afterExitMs);
    report.settleAfterKillMs.push(callers.lastSettledAtMs - killedAtMs);
    if (afterExitMs > SETTLE_MS_MAX) throw new Error(`it took ${afterExitMs.toFixed(1)} ms`);
  });
  await check(report, 'what was never delivered never came, and nothing came twice', () => {
    compareWithLog(readFileSync(log, 'utf8'), callers.undelivered);
  });
  await check(report, 'the end is told once, as a death', async () => {
    const { reason } = await within('the end', client.closed);
    if (reason !== 'died') throw new Error(`reason is ${reason}`);
  });
  await check(report, "a dead server's name is usable at once", () => useName(endpoint));
  await check(report, 'nothing is left of a dead server', () => expectResources(base));
}

function startCallers(
  report: DeathReport,
  client: CommunicationPort,
  random: () => number,
): Callers {
  const undelivered = new Set<number>();
  const done = Promise.resolve<unknown>(undefined);
  const callers = { done, replies: 0, lastSettledAtMs: 0, undelivered };
  let requests = 0;
  const callOn = async (): Promise<void> => {
    for (;;) {
      const size = SIZES[Math.floor(random() * SIZES.length)] ?? 8;
      const number = requests++;
      const data = numberedBytes(number, size);
      try {
        const reply = await client.request(data);
        callers.replies++;
        countOutcome(report, 'replied');
        await check(report, 'a reply is the right one', () => {
          if (!sameBytes(reply, data)) throw new Error(`it is for ${numberOf(reply)}`);
        });
      } catch (error) {
        callers.lastSettledAtMs = performance.now();
        if (isPortError(error) && error.executed === 'no') undelivered.add(number);
        await checkLoss(report, error);
        return;
      }
    }
  };
  callers.done = Promise.all(Array.from({ length: CALLERS }, callOn));
  return callers;
}

/** The only two outcomes of a request whose server died: never delivered, or nobody knows. */
async function checkLoss(report: DeathReport, error: unknown): Promise<void> {
  const found = isPortError(error) ? `${error.code} ${error.executed}` : String(error);
  countOutcome(report, found);
  await check(report, 'a lost request says what is known', () => {
    if (found === 'DISCONNECTED no' || found === 'REPLY_LOST maybe') return;
    throw new Error(found);
  });
}

/** The server's own word on what came, against the client's. @throws Error */
function compareWithLog(text: string, undelivered: ReadonlySet<number>): void {
  const came = text.split('\n').filter(Boolean).map(Number);
  const twice = came.find((number, index) => came.indexOf(number) !== index);
  if (twice !== undefined) throw new Error(`request ${twice} came twice`);
  const wrong = came.find((number) => undelivered.has(number));
  if (wrong !== undefined) throw new Error(`request ${wrong} came, and was said not to have`);
}

/** After some replies, and then some more time: any state of any request. */
async function randomMoment(callers: Callers, random: () => number): Promise<void> {
  const replies = Math.floor(random() * 100);
  await waitUntil('some replies', () => callers.replies >= Math.min(replies, CALLERS / 2 - 2));
  const spins = random();
  if (spins < 0.3) return;
  await sleep(spins * 5);
}

async function useName(endpoint: EndpointOptions): Promise<void> {
  const server = await createPort('death', {
    ...endpoint,
    onMessage: (message) => void message.reply(message.data),
  });
  try {
    const client = await connectPort('death', endpoint);
    await within('a reply of the new server', client.request(numberedBytes(1, 100)));
    await client.close();
  } finally {
    await within('the new server to close', server.close({ drainMs: 0 }));
  }
}
