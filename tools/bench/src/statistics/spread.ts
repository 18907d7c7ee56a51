/** The middle of some values, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Median, minimum and maximum.
 *
 * @param values in any order, not empty; of an even number the median is the mean of the middle two
 */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('Cannot take a median: there are no values');
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted.length >> 1;
  const lower = (sorted.length - 1) >> 1;
  return {
    median: (sorted[lower] + sorted[upper]) / 2,
    min: sorted[0],
    max: sorted[sorted.length - 1],
  };
}
