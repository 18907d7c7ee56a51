import { describe, expect, it } from 'vitest';

import { formatNumber, formatSpread } from './format-number.js';

describe('formatNumber()', () => {
  it.each([
    [0, '0'],
    [0.0125, '0.0125'],
    [0.35, '0.350'],
    [1, '1.00'],
    [12.345, '12.3'],
    [123.45, '123'],
    [12_345.6, '12346'],
    [-2.5, '-2.50'],
  ])('formats %d', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

describe('formatSpread()', () => {
  it('shows the median, and the range in brackets', () => {
    expect(formatSpread({ median: 2, min: 1, max: 30 })).toBe('2.00 (1.00–30.0)');
  });
});
