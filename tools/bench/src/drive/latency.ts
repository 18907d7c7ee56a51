import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { percentile } from '../statistics/percentile.js';
import type { Driver } from '../subjects/subject.js';
import { checkReply, isSampled } from './check-reply.js';
import type { LoadResult } from './load.js';

/** Room for the samples of a round: ten seconds at 5 µs per call. */
const SAMPLES_MAX = 2_000_000;

const US_PER_MS = 1000;

/** Calls between two turns of the event loop where calls block the thread; a power of two. */
const TURN_EVERY = 1024;

/**
 * One call at a time for `durationMs`: how long does each take?
 *
 * @param callSync makes the calls when given: they block this thread
 */
export async function measureLatency(
  driver: Driver,
  load: { readonly payloadBytes: number; readonly durationMs: number },
  callSync?: Driver['callSync'],
): Promise<LoadResult> {
  const samplesMs = new Float64Array(SAMPLES_MAX);
  const payload = randomBytes(load.payloadBytes);
  const endMs = performance.now() + load.durationMs;
  let count = 0;
  let nowMs = 0;
  while (nowMs < endMs && count < SAMPLES_MAX) {
    const request = { id: count, payload };
    const startMs = performance.now();
    const reply = callSync === undefined ? await driver.call(request) : callSync(request);
    nowMs = performance.now();
    samplesMs[count] = nowMs - startMs;
    if (isSampled(count++)) checkReply(driver, reply, payload);
    if (callSync !== undefined && (count & (TURN_EVERY - 1)) === 0) await nextTurn();
  }
  return resultOf(samplesMs.subarray(0, count));
}

function resultOf(samplesMs: Float64Array): LoadResult {
  const sorted = samplesMs.toSorted();
  const inUs = (fraction: number): number => percentile(sorted, fraction) * US_PER_MS;
  return {
    figures: { p50Us: inUs(0.5), p99Us: inUs(0.99), p999Us: inUs(0.999) },
    calls: sorted.length,
  };
}
