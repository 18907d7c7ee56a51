import { randomBytes } from 'node:crypto';

import type { Driver } from '../subjects/subject.js';
import { checkReply, isSampled } from './check-reply.js';
import type { LoadResult } from './load.js';

/** Calls between two looks at the clock; a power of two. */
const CLOCK_EVERY = 16;

/** What to keep under way, and for how long. */
export interface PipelinedLoad {
  readonly payloadBytes: number;
  readonly inFlight: number;
  readonly durationMs: number;
}

/**
 * Keeps a number of calls under way: how many per second?
 *
 * Each lane makes its next call when its last was answered. The rate is that of the time in which
 * all lanes were busy: the clock starts when as many calls as there are lanes were answered, and
 * what ends after the time is up is waited for but not counted.
 */
export async function measurePipelined(driver: Driver, load: PipelinedLoad): Promise<LoadResult> {
  const lanes = new Lanes(driver, load);
  const numbers = Array.from({ length: load.inFlight }, (_, lane) => lane);
  const ends = await Promise.allSettled(numbers.map((lane) => lanes.run(lane)));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return { figures: { callsPerSecond: lanes.callsPerSecond }, calls: lanes.calls };
}

class Lanes {
  /** Calls answered so far. */
  calls = 0;
  callsPerSecond = 0;
  readonly #driver: Driver;
  readonly #payloadBytes: number;
  readonly #inFlight: number;
  readonly #durationMs: number;
  #startMs = Infinity;
  #isOver = false;

  constructor(driver: Driver, load: PipelinedLoad) {
    this.#driver = driver;
    this.#payloadBytes = load.payloadBytes;
    this.#inFlight = load.inFlight;
    this.#durationMs = load.durationMs;
  }

  async run(lane: number): Promise<void> {
    const driver = this.#driver;
    // A payload of its own: a reply that reaches another lane is noticed.
    const payload = randomBytes(this.#payloadBytes);
    // Not from 0: with one pace for all, every lane's reply would be checked in the same turn.
    let laneCalls = lane;
    try {
      while (!this.#isOver) {
        const reply = await driver.call({ id: lane, payload });
        if (isSampled(laneCalls++)) checkReply(driver, reply, payload);
        this.#count();
      }
    } finally {
      // One lane failed, or the time is up: the others have no reason to go on.
      this.#isOver = true;
    }
  }

  #count(): void {
    this.calls++;
    if (this.calls === this.#inFlight) this.#startMs = performance.now();
    if ((this.calls & (CLOCK_EVERY - 1)) !== 0 || this.#isOver) return;
    const elapsedMs = performance.now() - this.#startMs;
    if (elapsedMs < this.#durationMs) return;
    this.#isOver = true;
    this.callsPerSecond = ((this.calls - this.#inFlight) / elapsedMs) * 1000;
  }
}
