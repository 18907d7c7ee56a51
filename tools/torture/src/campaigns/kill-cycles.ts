import { readFileSync } from 'node:fs';

import { connectPort, type CommunicationPort } from '@portcall/port';
import {
  check,
  countOutcome,
  numberedBytes,
  sameBytes,
  seededRandom,
  waitUntil,
  within,
} from '@portcall/testing';

import { TARGET_NAME } from '../target-name.js';
import { Target } from '../target.js';
import { TortureClient, momentOf } from '../torture-client.js';
import { noteTime, type TortureReport } from '../torture-report.js';

/** How many C clients are killed, and when. */
export interface CycleOptions {
  readonly cycles: number;
  /** Draws the moments: the same seed draws the same ones. */
  readonly seed: number;
  /** Latest moment of a kill, in microseconds from the client's start. */
  readonly latestUs?: number;
  /** Called behind each cycle; a test plants a leak with it. */
  readonly afterCycle?: (cycle: number) => void;
}

/** Connect, handshake and some calls of each size: what a client does in its first moments. */
const LATEST_US = 8000;

/** Cycles between two looks at everything that the server holds. */
const CYCLES_EACH_LOOK = 100;

/** A region that is kept would keep one page of its header at least. */
const PAGE_BYTES = 4096;

/** Below so many cycles other programs' shared memory would hide what these have left. */
const SHMEM_CYCLES_MIN = 5000;

/** The healthy client's two rings of 256 KiB, used in turn, each mapped by both of its sides. */
const OWN_SHMEM_BYTES = 4 * (256 * 1024 + PAGE_BYTES);

/**
 * Kills C clients at random moments of connect, handshake and calls, one behind another, against
 * one server in this process, which serves a healthy client meanwhile.
 *
 * Checked: each end that is told is told as a death; the healthy client's calls; that the server
 * holds no more connections, descriptors, maps and shared memory than before.
 */
export async function runKillCycles(
  report: TortureReport,
  options: CycleOptions,
  onProgress: (done: string) => void = () => undefined,
): Promise<void> {
  const { cycles, seed, latestUs = LATEST_US, afterCycle } = options;
  const random = seededRandom(seed);
  await using client = new TortureClient();
  await using target = await Target.open();
  const healthy = await connectPort(TARGET_NAME, { directory: target.directory });
  const own = await target.next();
  try {
    const ends = new Ends(report, target);
    target.rebase();
    const before = { own: ownShmemBytes(), all: allShmemBytes() };
    for (let cycle = 1; cycle <= cycles; cycle++) {
      onProgress(`kill cycle ${cycle} of ${cycles}`);
      const us = Math.floor(random() * latestUs);
      const killed = client.run(`cycle path=${target.path} us=${us}`);
      await check(report, 'the healthy client is served', () => callOnce(healthy, cycle));
      const answer = await killed;
      ends.noteKill(answer.pid ?? 0, momentOf(answer));
      afterCycle?.(cycle);
      if (cycle % CYCLES_EACH_LOOK !== 0 && cycle !== cycles) continue;
      await check(report, `nothing is left after ${cycle} cycles`, async () => {
        await target.expectNothingLeft(1);
      });
      await ends.inspect();
    }
    await checkShmem(report, before, cycles);
  } finally {
    await healthy.close();
    await within("the healthy client's end", own.end);
  }
}

/** Kills and the ends that were told of them, by process. */
class Ends {
  readonly #report: TortureReport;
  readonly #target: Target;
  readonly #killedAtMs = new Map<number, number>();

  constructor(report: TortureReport, target: Target) {
    this.#report = report;
    this.#target = target;
  }

  noteKill(pid: number, atMs: number): void {
    this.#killedAtMs.set(pid, atMs);
  }

  /** Looks at all kills so far. */
  async inspect(): Promise<void> {
    for (const { port, end } of this.#target.taken.splice(0)) {
      await check(this.#report, 'the end is told as a death', async () => {
        const { closed, atMs } = await within('the end', end);
        const pid = port.peer?.pid ?? 0;
        const killedAtMs = this.#killedAtMs.get(pid);
        if (killedAtMs === undefined) throw new Error(`process ${pid} was not killed`);
        this.#killedAtMs.delete(pid);
        noteTime(this.#report, "from kill to the server's closed", atMs - killedAtMs);
        countOutcome(this.#report, 'killed with a connection');
        if (closed.reason !== 'died') throw new Error(JSON.stringify(closed));
      });
    }
    // The server was never told of these, and held nothing of them when it was looked at.
    countOutcome(this.#report, 'killed before there was a connection', this.#killedAtMs.size);
    this.#killedAtMs.clear();
  }
}

async function callOnce(healthy: CommunicationPort, number: number): Promise<void> {
  const data = numberedBytes(number, 100);
  const startedAt = performance.now();
  const reply = await healthy.request(data, { timeoutMs: 5000 });
  if (!sameBytes(reply, data)) throw new Error('It got another reply');
  const elapsedMs = performance.now() - startedAt;
  if (elapsedMs > 1000) throw new Error(`Its call took ${elapsedMs.toFixed(0)} ms`);
}

async function checkShmem(
  report: TortureReport,
  before: { readonly own: number; readonly all: number },
  cycles: number,
): Promise<void> {
  await check(report, 'the server maps no more shared memory', () => {
    const grownBytes = ownShmemBytes() - before.own;
    if (grownBytes > OWN_SHMEM_BYTES) throw new Error(`${grownBytes} bytes more`);
  });
  if (cycles < SHMEM_CYCLES_MIN) return;
  const grownBytes = (): number => allShmemBytes() - before.all;
  await check(report, "the machine's Shmem grew by less than a page for each cycle", () =>
    waitUntil(`Shmem, grown by ${grownBytes()} bytes`, () => grownBytes() < cycles * PAGE_BYTES),
  );
  report.outcomes.set('Shmem of the machine, KiB more', Math.round(grownBytes() / 1024));
}

function ownShmemBytes(): number {
  return kibibytesOf('/proc/self/status', 'RssShmem') * 1024;
}

function allShmemBytes(): number {
  return kibibytesOf('/proc/meminfo', 'Shmem') * 1024;
}

function kibibytesOf(path: string, name: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(path, 'latin1'));
  if (found === null) throw new Error(`Cannot read ${path}: there is no ${name}`);
  return Number(found[1]);
}
