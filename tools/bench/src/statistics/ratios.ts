import { spreadOf, type Spread } from './spread.js';

/**
 * How a subject compares with a baseline: of each round the quotient, then the median of those.
 *
 * A round's two values were measured right after each other, so that what else the machine did
 * touched both; the quotient of two medians would lose that.
 *
 * @param subject one value per round
 * @param baseline of the same rounds, in the same order
 */
export function ratioOf(subject: readonly number[], baseline: readonly number[]): Spread {
  if (subject.length !== baseline.length) {
    throw new RangeError(
      `Cannot compare: ${subject.length} rounds of the subject, ${baseline.length} of the baseline`,
    );
  }
  return spreadOf(subject.map((value, round) => value / baseline[round]));
}
