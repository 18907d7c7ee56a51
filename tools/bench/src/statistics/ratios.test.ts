import { describe, expect, it } from 'vitest';

import { ratioOf } from './ratios.js';

describe('ratioOf()', () => {
  it('compares within each round', () => {
    // The machine was ten times slower in the second round; the quotient of the medians would be 5.
    expect(ratioOf([20, 2, 20], [10, 1, 4])).toEqual({ median: 2, min: 2, max: 5 });
  });

  it('is 1 for a baseline itself', () => {
    expect(ratioOf([3, 4, 5], [3, 4, 5])).toEqual({ median: 1, min: 1, max: 1 });
  });

  it('refuses different numbers of rounds', () => {
    expect(() => ratioOf([1, 2], [1])).toThrow(RangeError);
  });
});
