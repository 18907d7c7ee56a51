import { rmSync } from 'node:fs';

import { connectPort, type CommunicationPort } from '@portcall/port';
import {
  check,
  countOutcome,
  countResources,
  createTemporaryRuntime,
  expectResources,
  within,
} from '@portcall/testing';

import {
  callNumbered,
  describeError,
  expectTruth,
  readExecuted,
  type ToldOutcome,
} from '../outcome-truth.js';
import { nodeProgram } from '../programs.js';
import { TARGET_NAME } from '../target-name.js';
import { Target } from '../target.js';
import { noteTime, type TortureReport } from '../torture-report.js';
import { runTraced, type TraceResult } from '../tracing.js';
import { useName } from './use-name.js';

/** Which system calls of a Node process are its last. */
export interface SystemCallOptions {
  /** Every how many-th system call is one to be killed at. */
  readonly every: number;
  /** The first one. Default 1. */
  readonly from?: number;
  /** Kills at most. Default: until the process ends by itself. */
  readonly killsMax?: number;
  /** Called behind each kill; a test plants a leak with it. */
  readonly afterKill?: () => void;
}

type Progress = (done: string) => void;

/** Directories of a claim under way: claims remove those of dead processes after a minute. */
const SWEPT = /^\.new-/;

const NUMBERS = [1, 2, 3, 4];

/** What connecting to a server that is about to die may be told; none of it had any effect. */
const CONNECT_ERRORS = new Set([
  'PORT_NOT_FOUND no',
  'DISCONNECTED no',
  'CONNECTION_REFUSED no',
  'SERVER_BUSY no',
]);

/**
 * Kills a Node client at the entry of one system call behind another of connect, calls and close:
 * its server, in this process, is told the truth about its own calls and keeps nothing.
 *
 * @returns system calls until the client had closed
 */
export async function runClientSystemCalls(
  report: TortureReport,
  options: SystemCallOptions,
  onProgress: Progress = () => undefined,
): Promise<number> {
  const outcomes: Promise<ToldOutcome[]>[] = [];
  let isVictim = false;
  await using target = await Target.open({
    onConnected: (port) => {
      if (isVictim) outcomes.push(callNumbered(port, NUMBERS));
    },
  });
  const log = `${target.directory}.log`;
  await target.expectHealthy();
  // The first child of a process opens what Node keeps for all of them.
  await trace(1, 'traced-client', [target.directory, log]);
  target.rebase();
  return await eachCall(options, async (limit) => {
    onProgress(`client killed at system call ${limit}`);
    rmSync(log, { force: true });
    outcomes.length = 0;
    isVictim = true;
    const result = await trace(limit, 'traced-client', [target.directory, log]);
    isVictim = false;
    const at = `client, system call ${limit} (number ${result.call})`;
    options.afterKill?.();
    await check(report, `${at}: it ended as it was to`, () => expectEnd(result));
    await check(report, `${at}: nothing is left`, () => target.expectNothingLeft());
    for (const { end } of target.taken.splice(0)) {
      await check(report, `${at}: the end is told`, async () => {
        const { closed, atMs } = await within('the end', end);
        countOutcome(report, `client's end: ${closed.reason}`);
        if (closed.reason !== 'died' && closed.reason !== 'closed') {
          throw new Error(JSON.stringify(closed));
        }
        if (closed.reason === 'died') noteEnd(report, result, atMs);
      });
    }
    await check(report, `${at}: outcomes are true`, async () => {
      const told = await within('all calls to settle', Promise.all(outcomes), 15_000);
      expectTruth(report, told.flat(), readExecuted(log));
    });
    await check(report, `${at}: the next client is served`, () => target.expectHealthy());
    rmSync(log, { force: true });
    return result;
  });
}

/**
 * The same with a Node server: its client, in this process, is told the truth, keeps nothing, and
 * the name is free for the next server at once.
 *
 * @returns system calls until the server had ended
 */
export async function runServerSystemCalls(
  report: TortureReport,
  options: SystemCallOptions,
  onProgress: Progress = () => undefined,
): Promise<number> {
  const base = countResources();
  const runtime = createTemporaryRuntime();
  const { directory } = runtime;
  const log = `${directory}.log`;
  const calls = await eachCall(options, async (limit) => {
    onProgress(`server killed at system call ${limit}`);
    rmSync(log, { force: true });
    const gone = new AbortController();
    const client = runClient(directory, gone.signal);
    const result = await trace(limit, 'traced-server', [directory, log]);
    gone.abort();
    options.afterKill?.();
    const at = `server, system call ${limit} (number ${result.call})`;
    await check(report, `${at}: it ended as it was to`, () => expectEnd(result));
    await check(report, `${at}: outcomes are true`, async () => {
      const { connect, told } = await within('the client to end', client, 15_000);
      countOutcome(report, `connect: ${connect}`);
      if (connect !== 'connected' && !CONNECT_ERRORS.has(connect)) throw new Error(connect);
      expectTruth(report, told, readExecuted(log));
    });
    await check(report, `${at}: nothing is left`, () => expectResources(base));
    await check(report, `${at}: the name is free at once`, () => useName(directory));
    await check(report, `${at}: no file is left but what is swept`, () => {
      const left = runtime.list().filter((leaf) => !SWEPT.test(leaf));
      if (left.length > 0) throw new Error(left.join(', '));
    });
    runtime.clear();
    rmSync(log, { force: true });
    return result;
  });
  runtime.remove();
  return calls;
}

async function eachCall(
  options: SystemCallOptions,
  run: (limit: number) => Promise<TraceResult>,
): Promise<number> {
  const { every, from = 1, killsMax = Number.POSITIVE_INFINITY } = options;
  for (let kill = 0; ; kill++) {
    const result = await run(from + kill * every);
    if (!result.finished && result.signal !== 9) {
      throw new Error(`It ended by itself: ${JSON.stringify(result)}`);
    }
    if (result.finished || kill + 1 >= killsMax) return result.count;
  }
}

function trace(limit: number, name: string, words: readonly string[]): Promise<TraceResult> {
  return runTraced({ unit: 'calls', limit }, nodeProgram(name), words);
}

function expectEnd(result: TraceResult): void {
  const isKilled = !result.finished && result.signal === 9;
  const isDone = result.finished && result.code === 0;
  if (!isKilled && !isDone) throw new Error(JSON.stringify(result));
}

function noteEnd(report: TortureReport, result: TraceResult, atMs: number): void {
  const startNs = process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6));
  const killedAtMs = (result.killedAtNs - Number(startNs)) / 1e6;
  noteTime(report, "from kill at a system call to the server's closed", atMs - killedAtMs);
}

/** Connects as soon as there is a server, calls, and closes. */
async function runClient(
  directory: string,
  gone: AbortSignal,
): Promise<{ readonly connect: string; readonly told: ToldOutcome[] }> {
  let port: CommunicationPort | undefined;
  let connect = 'PORT_NOT_FOUND no';
  while (port === undefined && connect === 'PORT_NOT_FOUND no') {
    const isLast = gone.aborted;
    try {
      port = await connectPort(TARGET_NAME, { directory });
    } catch (error) {
      connect = describeError(error);
      if (isLast) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  if (port === undefined) return { connect, told: [] };
  const told = await callNumbered(port, NUMBERS);
  await port.close();
  return { connect: 'connected', told };
}
