import { describe, expect, it } from 'vitest';

import { percentile } from './percentile.js';

const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);

describe('percentile()', () => {
  it.each([
    [0, 1],
    [0.01, 1],
    [0.07, 7],
    [0.5, 50],
    [0.501, 51],
    [0.99, 99],
    [0.999, 100],
    [1, 100],
  ])('takes the nearest rank for %d', (fraction, expected) => {
    expect(percentile(hundred, fraction)).toBe(expected);
  });

  it('returns the only sample', () => {
    expect(percentile([7], 0.5)).toBe(7);
  });

  it('refuses no samples', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });

  it.each([-0.1, 1.1, Number.NaN])('refuses the fraction %d', (fraction) => {
    expect(() => percentile([1], fraction)).toThrow(RangeError);
  });
});
