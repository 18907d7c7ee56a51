import { describe, expect, it } from 'vitest';

import { EarlyBell } from './early-bell.js';

/** What a wake-up led to: a record in time, one for which the peer is rung again, or none. */
type Outcome = 'in time' | 'late' | 'nothing';

/** Plays wake-ups for a peer that sleeps each time. @returns bells before there was a record */
function play(bell: EarlyBell, outcome: Outcome, times: number): number {
  let bells = 0;
  for (let time = 0; time < times; time++) {
    const rings = bell.onWoken();
    if (rings) {
      bell.onRung();
      bells++;
    }
    if (outcome !== 'nothing') bell.onCommitted(!rings || outcome === 'late');
    bell.onRest();
  }
  return bells;
}

describe('EarlyBell', () => {
  it('rings once eight wake-ups in a row were answered at once', () => {
    const bell = new EarlyBell();
    expect(play(bell, 'in time', 8)).toBe(0);
    expect(play(bell, 'in time', 100)).toBe(100);
  });

  it('never rings for a side that does not answer at once', () => {
    expect(play(new EarlyBell(), 'nothing', 1000)).toBe(0);
  });

  it('stops when an answer fails to come, until eight have come again', () => {
    const bell = new EarlyBell();
    play(bell, 'in time', 100);
    expect(play(bell, 'nothing', 10)).toBe(1);
    expect(play(bell, 'in time', 8)).toBe(0);
    expect(play(bell, 'in time', 8)).toBe(8);
  });

  it('bears with one late answer in a hundred', () => {
    const bell = new EarlyBell();
    play(bell, 'in time', 8);
    let bells = 0;
    for (let round = 0; round < 50; round++) {
      bells += play(bell, 'in time', 99) + play(bell, 'late', 1);
    }
    expect(bells).toBeGreaterThan(4900);
  });

  it('tries ever more rarely where answers are always late', () => {
    const bell = new EarlyBell();
    play(bell, 'late', 8);
    const first = play(bell, 'late', 100);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(6);
    play(bell, 'late', 4000);
    expect(play(bell, 'late', 10_240)).toBeLessThan(12);
  });

  it('counts one answer for each wake-up, however many records follow', () => {
    const bell = new EarlyBell();
    bell.onWoken();
    for (let record = 0; record < 100; record++) bell.onCommitted(true);
    bell.onRest();
    expect(play(bell, 'in time', 1)).toBe(0);
  });
});
