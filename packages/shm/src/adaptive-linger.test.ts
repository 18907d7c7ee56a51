import { describe, expect, it } from 'vitest';

import { AdaptiveLinger } from './adaptive-linger.js';

/** What came of a number of idle periods. */
interface Outcome {
  /** Periods that were lingered out to their end. */
  hits: number;
  /** Time spent awake. */
  awakeMs: number;
}

/** Plays idle periods: each lasts `gapMs`, then records come. */
function play(linger: AdaptiveLinger, gapMs: number, periods: number, isAwake = true): Outcome {
  const outcome = { hits: 0, awakeMs: 0 };
  let nowMs = 1000;
  for (let period = 0; period < periods; period++) {
    const from = nowMs;
    let lingers = linger.shouldLinger(nowMs, isAwake);
    while (lingers && nowMs < from + gapMs) {
      nowMs += 0.002;
      lingers = linger.shouldLinger(nowMs, isAwake);
    }
    if (lingers) outcome.hits++;
    outcome.awakeMs += nowMs - from;
    nowMs = from + gapMs;
    linger.onRecords();
  }
  return outcome;
}

describe('AdaptiveLinger', () => {
  it('stays awake for a peer that is awake, while records come soon', () => {
    expect(play(new AdaptiveLinger(true), 0.02, 1000).hits).toBe(1000);
  });

  it('stops when they do not, and tries ever more rarely, down to once in 128 idle periods', () => {
    const linger = new AdaptiveLinger(true);
    const { hits, awakeMs } = play(linger, 5, 2000);
    expect(hits).toBe(0);
    // At first twice, then once each after 16, 32, 64, 128 and 128 periods without: 19 × 60 µs.
    expect(awakeMs).toBeGreaterThan(17 * 0.06);
    expect(awakeMs).toBeLessThan(21 * 0.07);
    expect(play(linger, 5, 5160).awakeMs).toBeLessThan(41 * 0.07);
  });

  it('finds out that times have changed', () => {
    const linger = new AdaptiveLinger(true);
    play(linger, 5, 20_000);
    expect(play(linger, 0.02, 2000).hits).toBeGreaterThan(2000 - 130);
  });

  it('goes on while two of three waits end in time, and stops when only one of two does', () => {
    const awakeOf = (hits: number): number => {
      const linger = new AdaptiveLinger(true);
      play(linger, 0.01, 20);
      let lingered = 0;
      for (let round = 0; round < 100; round++) {
        lingered += play(linger, 0.01, hits).hits;
        play(linger, 5, 1);
      }
      return lingered / (100 * hits);
    };
    expect(awakeOf(3)).toBe(1);
    expect(awakeOf(1)).toBeLessThan(0.2);
  });

  it('does not wait for a peer that sleeps', () => {
    expect(play(new AdaptiveLinger(true), 0.02, 1000, false).awakeMs).toBe(0);
  });

  it('never lingers when it is off', () => {
    expect(play(new AdaptiveLinger(false), 0.001, 100).awakeMs).toBe(0);
  });
});
