import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { check, countOutcome, seededRandom, waitUntil, within } from '@portcall/testing';

import { nodeProgram } from '../programs.js';
import { Target } from '../target.js';
import { noteTime, type TortureReport } from '../torture-report.js';

/** How many Node clients are killed. */
export interface NodeCycleOptions {
  readonly cycles: number;
  readonly seed: number;
  /** Heap of every third client. Default 400 MiB. */
  readonly heapMib?: number;
}

const HEAP_MIB = 400;

/** Filling a heap on a machine that has other work. */
const START_MS = 30_000;

/** Calls of a client before it may be killed, at most; and the time after them. */
const CALLS_MAX = 50;
const LATER_MS_MAX = 10;

/**
 * Kills Node clients under way in calls, every third with a large heap, whose pages the kernel must
 * take back. How long it is until the server's `closed` tells is noted by size of the heap.
 */
export async function runNodeCycles(
  report: TortureReport,
  options: NodeCycleOptions,
  onProgress: (done: string) => void = () => undefined,
): Promise<void> {
  const { cycles, seed, heapMib = HEAP_MIB } = options;
  const random = seededRandom(seed);
  let calls = 0;
  await using target = await Target.open({
    onMessage: (message) => {
      calls++;
      if (message.isRequest) void message.reply(message.data);
    },
  });
  await target.expectHealthy();
  target.rebase();
  for (let cycle = 0; cycle < cycles; cycle++) {
    onProgress(`Node client ${cycle + 1} of ${cycles}`);
    const mib = cycle % 3 === 2 ? heapMib : 0;
    calls = 0;
    const wanted = 1 + Math.floor(random() * CALLS_MAX);
    const laterMs = random() * LATER_MS_MAX;
    await killOne(report, target, {
      heapMib: mib,
      isDue: async () => {
        await waitUntil('its calls', () => calls >= wanted, START_MS);
        await sleep(laterMs);
      },
    });
    await check(report, 'nothing is left', () => target.expectNothingLeft());
    await check(report, 'another client is served', () => target.expectHealthy());
  }
}

async function killOne(
  report: TortureReport,
  target: Target,
  options: { readonly heapMib: number; readonly isDue: () => Promise<void> },
): Promise<void> {
  const { heapMib, isDue } = options;
  const words = [nodeProgram('calling-client'), target.directory, String(heapMib)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    await isDue();
    const kind = heapMib === 0 ? 'light' : `${heapMib} MiB heap`;
    await check(report, `a client (${kind}) has what it was told to have`, () => {
      const residentMib = residentMibOf(child.pid ?? 0);
      if (residentMib < heapMib) throw new Error(`${residentMib} MiB are resident`);
    });
    const taken = await target.next();
    const killedAtMs = performance.now();
    child.kill('SIGKILL');
    await check(report, 'the end is told as a death', async () => {
      const { closed, atMs } = await within('the end', taken.end);
      noteTime(report, `from kill to the server's closed, ${kind}`, atMs - killedAtMs);
      countOutcome(report, `Node clients killed, ${kind}`);
      if (closed.reason !== 'died') throw new Error(JSON.stringify(closed));
    });
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

function residentMibOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
