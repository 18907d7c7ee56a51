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

  it('stops when they do not, and only tries now and then', () => {
    const { hits, awakeMs } = play(new AdaptiveLinger(true), 5, 2000);
    expect(hits).toBe(0);
    // 9 × 100 µs of 73 periods of 5 ms: a quarter of one per cent.
    expect(awakeMs).toBeGreaterThan(0);
    expect(awakeMs / (2000 * 5)).toBeLessThan(0.004);
  });

  it('finds out that times have changed', () => {
    const linger = new AdaptiveLinger(true);
    play(linger, 5, 200);
    expect(play(linger, 0.02, 200).hits).toBeGreaterThan(100);
  });

  it('probes for a sleeping peer ever more rarely, down to once in 256 idle periods', () => {
    const linger = new AdaptiveLinger(true);
    expect(play(linger, 0.2, 510, false).hits).toBe(8);
    expect(play(linger, 0.2, 2560, false).hits).toBe(10);
  });

  it('probes again soon after lingering has paid', () => {
    const linger = new AdaptiveLinger(true);
    play(linger, 0.2, 5120, false);
    play(linger, 0.02, 1);
    expect(play(linger, 0.2, 6, false).hits).toBe(2);
  });

  it('never lingers when it is off', () => {
    expect(play(new AdaptiveLinger(false), 0.001, 100).awakeMs).toBe(0);
  });
});
