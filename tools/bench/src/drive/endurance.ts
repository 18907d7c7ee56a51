import { randomBytes } from 'node:crypto';

import type { Driver } from '../subjects/subject.js';
import { checkReply, isSampled } from './check-reply.js';
import type { LoadResult } from './load.js';

/** How many calls to make, and how many of them at once. */
export interface EnduranceLoad {
  readonly payloadBytes: number;
  readonly inFlight: number;
  readonly callCount: number;
}

/** The calls are compared in as many parts; the first one warms up. */
const PARTS = 10;

/** Does a call cost more after a great number of calls? Compares the last tenth with the second. */
export async function measureEndurance(driver: Driver, load: EnduranceLoad): Promise<LoadResult> {
  const partCalls = Math.ceil(load.callCount / PARTS);
  const elapsedMs: number[] = [];
  for (let part = 0; part < PARTS; part++) {
    const startMs = performance.now();
    await makeCalls(driver, load, partCalls);
    elapsedMs.push(performance.now() - startMs);
  }
  const [, second = NaN] = elapsedMs;
  const last = elapsedMs.at(-1) ?? NaN;
  return { figures: { lastByFirst: last / second }, calls: partCalls * PARTS };
}

async function makeCalls(driver: Driver, load: EnduranceLoad, callCount: number): Promise<void> {
  let left = callCount;
  const lane = async (id: number): Promise<void> => {
    const payload = randomBytes(load.payloadBytes);
    while (left-- > 0) {
      const reply = await driver.call({ id, payload });
      if (isSampled(left)) checkReply(driver, reply, payload);
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, (_, id) => lane(id)));
}
