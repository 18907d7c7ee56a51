import type { Bar, BarOutcome } from '../bars.js';
import { formatNumber, formatSpread } from './format-number.js';
import { formatTable } from './text-table.js';

/** The section `Bars`: each bar that was measured, and whether it was reached. */
export function formatBars(outcomes: readonly BarOutcome[]): string {
  if (outcomes.length === 0) return 'Bars: none of them was measured';
  const head = ['bar', 'measured (min–max)', 'verdict'];
  const rows = outcomes.map((outcome) => [
    describeBar(outcome.bar),
    formatSpread(outcome.ratio),
    verdictOf(outcome),
  ]);
  return `Bars: medians of the ratios\n${formatTable([head, ...rows])}`;
}

function describeBar({ subject, title, better, limit, baseline, note }: Bar): string {
  const sign = better === 'lower' ? '≤' : '≥';
  const suffix = note === undefined ? '' : ` [${note}]`;
  const by = baseline === 'absolute' ? '' : ` × ${baseline}`;
  return `${title} of ${subject} ${sign} ${formatNumber(limit)}${by}${suffix}`;
}

function verdictOf({ bar, ratio, isReached, isStretchReached }: BarOutcome): string {
  if (!isReached) return `not reached (${formatNumber(ratio.median)})`;
  if (!isStretchReached) return 'reached';
  return `reached, and ${formatNumber(bar.stretch ?? bar.limit)} too`;
}
