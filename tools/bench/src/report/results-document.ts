import type { BarOutcome } from '../bars.js';
import { absoluteOf, relativeTo, type CaseResult } from '../case-result.js';
import type { Metric } from '../cases.js';
import { BASELINES } from '../subjects/subject-table.js';
import type { Floors } from '../native-floors.js';
import type { RunDescription } from './describe-run.js';

/** Raised when fields change their meaning. */
const FORMAT_VERSION = 1;

/** The results as they are kept: each round's figures, and what was made of them. */
export function resultsDocument(
  run: RunDescription,
  outcome: {
    readonly results: readonly CaseResult[];
    readonly bars: readonly BarOutcome[];
    readonly floors: Floors | undefined;
  },
): object {
  const { results, bars, floors } = outcome;
  return {
    formatVersion: FORMAT_VERSION,
    run,
    cases: results.map((result) => ({
      id: result.benchCase.id,
      title: result.benchCase.title,
      load: result.benchCase.load,
      metrics: result.benchCase.metrics.map((metric) => metricDocument(result, metric)),
      rounds: Object.fromEntries(result.rounds),
      failures: Object.fromEntries(result.failures),
    })),
    bars,
    floors,
  };
}

function metricDocument(result: CaseResult, metric: Metric): object {
  const subjects = [...result.rounds.keys()];
  return {
    ...metric,
    subjects: Object.fromEntries(
      subjects.map((subject) => [
        subject,
        {
          scaled: absoluteOf(result, subject, metric),
          ratios: Object.fromEntries(
            BASELINES.map((baseline) => [
              baseline,
              relativeTo(result, { subject, baseline }, metric),
            ]),
          ),
        },
      ]),
    ),
  };
}
