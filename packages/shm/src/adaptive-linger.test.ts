import { describe, expect, it } from 'vitest';

import { AdaptiveLinger } from './adaptive-linger.js';

/** Plays idle periods: each lasts `gapMs`, then records come. @returns how many were lingered out */
function play(linger: AdaptiveLinger, gapMs: number, periods: number): number {
  let hits = 0;
  let nowMs = 1000;
  for (let period = 0; period < periods; period++) {
    const endsAt = nowMs + gapMs;
    let isAwake = linger.shouldLinger(nowMs);
    while (isAwake && nowMs < endsAt) {
      nowMs += 0.002;
      isAwake = linger.shouldLinger(nowMs);
    }
    if (isAwake) hits++;
    nowMs = endsAt;
    linger.onRecords();
  }
  return hits;
}

describe('AdaptiveLinger', () => {
  it('learns to stay awake when records come soon', () => {
    const linger = new AdaptiveLinger(true);
    play(linger, 0.02, 200);
    expect(play(linger, 0.02, 100)).toBe(100);
  });

  it('learns to sleep when they do not, and only tries now and then', () => {
    const linger = new AdaptiveLinger(true);
    play(linger, 0.02, 200);
    play(linger, 5, 200);
    let awakeMs = 0;
    let nowMs = 1e6;
    for (let period = 0; period < 2000; period++) {
      const from = nowMs;
      while (linger.shouldLinger(nowMs)) nowMs += 0.002;
      awakeMs += nowMs - from;
      nowMs += 5;
      linger.onRecords();
    }
    // Failed trials of 9 × 100 µs, each time further apart: far below one per cent.
    expect(awakeMs).toBeGreaterThan(0);
    expect(awakeMs / (2000 * 5)).toBeLessThan(0.001);
  });

  it('finds out that times have changed', () => {
    const linger = new AdaptiveLinger(true);
    play(linger, 5, 200);
    expect(play(linger, 0.02, 400)).toBeGreaterThan(200);
  });

  it('never lingers when it is off', () => {
    const linger = new AdaptiveLinger(false);
    expect(play(linger, 0.001, 100)).toBe(0);
  });
});
