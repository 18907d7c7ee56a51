/**
 * The value that `fraction` of the samples do not exceed, by the nearest-rank method.
 *
 * @param sorted ascending, not empty
 * @param fraction from 0 to 1: 0.99 for p99
 */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  if (sorted.length === 0) throw new RangeError('Cannot take a percentile: there are no samples');
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new RangeError(`Cannot take a percentile: fraction is ${fraction}, wanted 0 to 1`);
  }
  // Rounded first: 0.07 × 100 is 7.000000000000001, and its ceiling would be one rank too high.
  const rank = Math.ceil(Number((fraction * sorted.length).toPrecision(12)));
  return sorted[Math.max(rank, 1) - 1];
}
