import { absoluteOf, relativeTo, type CaseResult } from '../case-result.js';
import type { Metric } from '../cases.js';
import { BASELINES } from '../subjects/subject-table.js';
import { formatSpread } from './format-number.js';
import { formatTable } from './text-table.js';

/** A case's figures: of each metric a table with a row per subject. */
export function formatCase(result: CaseResult): string {
  const { benchCase, failures } = result;
  const tables = benchCase.metrics.map((metric) => formatMetric(result, metric));
  const lost = [...failures].map(([name, why]) => `${name} failed: ${why}`);
  return [...tables, ...lost].join('\n\n');
}

function formatMetric(result: CaseResult, metric: Metric): string {
  const { benchCase, rounds } = result;
  const baselines = BASELINES.filter((name) => rounds.has(name));
  const head = [metric.title, 'median (min–max)', ...baselines.map((name) => `× ${name}`)];
  const rows = [...rounds.keys()].map((subject) => [
    subject,
    formatSpread(absoluteOf(result, subject, metric)),
    ...baselines.map((baseline) => {
      const ratio = relativeTo(result, { subject, baseline }, metric);
      return subject === baseline || ratio === undefined ? '–' : formatSpread(ratio);
    }),
  ]);
  const name = benchCase.id.startsWith(metric.work)
    ? benchCase.id
    : `${metric.work} (at ${benchCase.id})`;
  const heading = `${name}: ${benchCase.title}; ${metric.better} is better`;
  return `${heading}\n${formatTable([head, ...rows])}`;
}
