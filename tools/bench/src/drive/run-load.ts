import type { Driver } from '../subjects/subject.js';
import { measureLatency } from './latency.js';
import type { Load, LoadResult } from './load.js';
import { measurePipelined } from './pipelined.js';
import { measureTransfer } from './transfer.js';

/** Puts a load on a subject for `durationMs`. @throws Error when a reply is not what it must be */
export function runLoad(driver: Driver, load: Load, durationMs: number): Promise<LoadResult> {
  switch (load.kind) {
    case 'latency':
      return measureLatency(driver, load.payloadBytes, durationMs);
    case 'pipelined':
      return measurePipelined(driver, { ...load, durationMs });
    case 'transfer':
      return measureTransfer(driver, load.payloadBytes, durationMs);
  }
}
