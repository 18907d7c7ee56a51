import type { Driver } from '../subjects/subject.js';
import type { LoadResult } from './load.js';

/** Messages that are asked for at once: many windows, and a moment of time. */
const STREAM_COUNT = 20_000;

/** One stream after the other for `durationMs`: how many messages per second? */
export async function measureStream(
  driver: Driver,
  payloadBytes: number,
  durationMs: number,
): Promise<LoadResult> {
  if (driver.receive === undefined) throw new Error(`Cannot measure: ${driver.name} has no stream`);
  const startMs = performance.now();
  let nowMs = startMs;
  let streams = 0;
  while (nowMs < startMs + durationMs) {
    await driver.receive({ count: STREAM_COUNT, payloadBytes });
    nowMs = performance.now();
    streams++;
  }
  const calls = streams * STREAM_COUNT;
  return { figures: { messagesPerSecond: (calls / (nowMs - startMs)) * 1000 }, calls };
}
