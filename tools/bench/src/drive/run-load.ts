import type { Driver } from '../subjects/subject.js';
import type { SubjectName } from '../subjects/subject-table.js';
import { measureEndurance } from './endurance.js';
import { measureLatency } from './latency.js';
import type { Load, LoadResult } from './load.js';
import { measurePipelined } from './pipelined.js';
import { measureStart } from './start.js';
import { measureStream } from './stream.js';
import { measureTransfer } from './transfer.js';

/** A load that one connected driver can carry. */
export type DriverLoad = Exclude<Load, { readonly kind: 'crowd' }>;

/** Puts a load on a subject for `durationMs`. @throws Error when a reply is not what it must be */
export function runLoad(
  driver: Driver,
  name: SubjectName,
  { load, durationMs }: { readonly load: DriverLoad; readonly durationMs: number },
): Promise<LoadResult> {
  switch (load.kind) {
    case 'latency':
      return measureLatency(driver, { ...load, durationMs });
    case 'sync':
      return measureLatency(driver, { ...load, durationMs }, driver.callSync);
    case 'pipelined':
      return measurePipelined(driver, { ...load, durationMs });
    case 'transfer':
      return measureTransfer(driver, load.payloadBytes, durationMs);
    case 'stream':
      return measureStream(driver, load.payloadBytes, durationMs);
    case 'endurance':
      return measureEndurance(driver, load);
    case 'start':
      return measureStart(name);
  }
}
