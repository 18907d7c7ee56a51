import { randomBytes } from 'node:crypto';

import { sampleOf } from '../subjects/sample.js';
import type { Driver } from '../subjects/subject.js';
import type { LoadResult } from './load.js';

/** One large payload at a time for `durationMs`: how many bytes per second? */
export async function measureTransfer(
  driver: Driver,
  payloadBytes: number,
  durationMs: number,
): Promise<LoadResult> {
  if (driver.take === undefined) throw new Error(`Cannot measure: ${driver.name} has no take`);
  const payload = randomBytes(payloadBytes);
  const startMs = performance.now();
  const endMs = startMs + durationMs;
  let calls = 0;
  let nowMs = startMs;
  while (nowMs < endMs) {
    // Each payload differs from the last: what an earlier call left behind is noticed.
    payload[0] = calls & 0xff;
    payload[payloadBytes - 1] = (calls >> 8) & 0xff;
    const reply = await driver.take({ payload });
    nowMs = performance.now();
    calls++;
    if (reply.length !== payloadBytes || reply.sample !== sampleOf(payload)) {
      throw new Error(
        `Cannot trust ${driver.name}: its server took ${reply.length} bytes with sample ` +
          `${reply.sample}, sent were ${payloadBytes} bytes with sample ${sampleOf(payload)}`,
      );
    }
  }
  const bytesPerMs = (calls * payloadBytes) / (nowMs - startMs);
  return { figures: { gigabytesPerSecond: bytesPerMs / 1e6 }, calls };
}
