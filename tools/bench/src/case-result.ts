import type { BenchCase, Metric } from './cases.js';
import type { Figures } from './children/figures.js';
import { ratioOf } from './statistics/ratios.js';
import { spreadOf, type Spread } from './statistics/spread.js';
import type { SubjectName } from './subjects/subject-table.js';

/** What a case yielded. */
export interface CaseResult {
  readonly benchCase: BenchCase;
  /** Of each subject one entry per round, all of the same rounds. */
  readonly rounds: ReadonlyMap<SubjectName, readonly Figures[]>;
  /** Subjects that failed, and why; they have no rounds. */
  readonly failures: ReadonlyMap<SubjectName, string>;
}

/** A subject's figure over all rounds, scaled for display. */
export function absoluteOf(result: CaseResult, subject: SubjectName, metric: Metric): Spread {
  return spreadOf(valuesOf(result, subject, metric).map((value) => value * metric.scale));
}

/** A subject's figure by a baseline's; `undefined` when one of them was not measured. */
export function relativeTo(
  result: CaseResult,
  pair: { readonly subject: SubjectName; readonly baseline: SubjectName },
  metric: Metric,
): Spread | undefined {
  const { subject, baseline } = pair;
  if (!result.rounds.has(subject) || !result.rounds.has(baseline)) return undefined;
  return ratioOf(valuesOf(result, subject, metric), valuesOf(result, baseline, metric));
}

function valuesOf(result: CaseResult, subject: SubjectName, metric: Metric): readonly number[] {
  return (result.rounds.get(subject) ?? []).map((figures) => figures[metric.id]);
}
