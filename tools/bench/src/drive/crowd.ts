import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { percentile } from '../statistics/percentile.js';
import type { Driver, Subject } from '../subjects/subject.js';
import { checkReply } from './check-reply.js';

/** Connects that are under way at once. */
const CONNECTS_AT_ONCE = 16;

/** Many connections of one process. Owner: whoever opened it; `close()` ends them all. */
export class Crowd {
  readonly #drivers: readonly Driver[];

  private constructor(drivers: readonly Driver[]) {
    this.#drivers = drivers;
  }

  /** Opens `connections` connections. @throws what `connect` throws */
  static async open(subject: Subject, connections: number): Promise<Crowd> {
    const drivers: Driver[] = [];
    while (drivers.length < connections) {
      const count = Math.min(CONNECTS_AT_ONCE, connections - drivers.length);
      drivers.push(...(await Promise.all(Array.from({ length: count }, () => subject.connect()))));
    }
    return new Crowd(drivers);
  }

  /** Calls of the first `active` connections, one after the other. @returns p99 in µs */
  async measureP99(shape: {
    readonly active: number;
    readonly payloadBytes: number;
    readonly durationMs: number;
  }): Promise<number> {
    const active = this.#drivers.slice(0, shape.active);
    const payload = Buffer.alloc(shape.payloadBytes, 5);
    const samplesMs: number[] = [];
    const endMs = performance.now() + shape.durationMs;
    for (let index = 0, nowMs = 0; nowMs < endMs; index++) {
      const driver = active[index % active.length];
      if (driver === undefined) throw new Error('Cannot measure: nobody is active');
      const startMs = performance.now();
      const reply = await driver.call({ id: index, payload });
      nowMs = performance.now();
      samplesMs.push(nowMs - startMs);
      checkReply(driver, reply, payload);
    }
    return (
      percentile(
        samplesMs.toSorted((a, b) => a - b),
        0.99,
      ) * 1000
    );
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.close()));
  }
}

/** Memory of this process after a collection of garbage, in bytes. Source: getrusage, smaps. */
export function residentBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage.rss();
}
