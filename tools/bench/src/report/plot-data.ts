import { relativeTo, type CaseResult } from '../case-result.js';
import type { Metric } from '../cases.js';
import type { Spread } from '../statistics/spread.js';
import { BASELINES, type BaselineName, type SubjectName } from '../subjects/subject-table.js';

/** A bar of the plot. */
export interface PlotBar {
  readonly subject: SubjectName;
  /** How many times as good as the baseline: larger is better, whatever the metric. */
  readonly advantage: Spread;
}

/** The bars of one metric. */
export interface PlotGroup {
  readonly title: string;
  readonly bars: readonly PlotBar[];
}

/** What the plot shows. */
export interface PlotData {
  readonly baseline: BaselineName;
  readonly groups: readonly PlotGroup[];
}

/** Gathers the ratios against the first baseline that there is; `undefined` without any. */
export function plotData(results: readonly CaseResult[]): PlotData | undefined {
  const baseline = BASELINES.find((name) => results.some(({ rounds }) => rounds.has(name)));
  if (baseline === undefined) return undefined;
  const groups = results.flatMap((result) =>
    result.benchCase.metrics.map((metric) => ({
      title: groupTitle(result, metric),
      bars: barsOf(result, metric, baseline),
    })),
  );
  const filled = groups.filter(({ bars }) => bars.length > 0);
  return filled.length === 0 ? undefined : { baseline, groups: filled };
}

function barsOf(result: CaseResult, metric: Metric, baseline: BaselineName): PlotBar[] {
  return [...result.rounds.keys()].flatMap((subject) => {
    const ratio = relativeTo(result, { subject, baseline }, metric);
    if (ratio === undefined || subject === baseline) return [];
    return { subject, advantage: metric.better === 'higher' ? ratio : inverse(ratio) };
  });
}

function inverse({ median, min, max }: Spread): Spread {
  return { median: 1 / median, min: 1 / max, max: 1 / min };
}

function groupTitle({ benchCase }: CaseResult, metric: Metric): string {
  return `${benchCase.id}  ${metric.title} (${benchCase.title})`;
}
