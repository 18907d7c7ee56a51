import { describe, expect, it } from 'vitest';

import { createLogScale } from './plot-scale.js';

describe('createLogScale()', () => {
  it('ends at round numbers around the ratios and 1', () => {
    expect(createLogScale([0.3, 6], 100).ticks).toEqual([0.2, 0.5, 1, 2, 5, 10]);
    expect(createLogScale([3], 100).ticks).toEqual([1, 2, 5]);
    expect(createLogScale([0.02], 100).ticks).toEqual([0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  });

  it('labels only powers of ten when the ratios are far apart', () => {
    expect(createLogScale([0.0005, 300], 100).ticks).toEqual([0.001, 0.01, 0.1, 1, 10, 100]);
  });

  it('places the ends at the ends and equal factors equally far', () => {
    const scale = createLogScale([0.1, 10], 200);
    expect(scale.position(0.1)).toBeCloseTo(0);
    expect(scale.position(1)).toBeCloseTo(100);
    expect(scale.position(10)).toBeCloseTo(200);
  });

  it('shows something when there is nothing but 1', () => {
    const scale = createLogScale([1], 100);
    expect(scale.ticks).toEqual([1]);
    expect(scale.position(1)).toBe(0);
  });
});
