import { absoluteOf, relativeTo, type CaseResult } from './case-result.js';
import type { Spread } from './statistics/spread.js';
import type { BaselineName, SubjectName } from './subjects/subject-table.js';

/** A goal: a subject's figure by a baseline's, or as it is, at most or at least a limit. */
export interface Bar {
  readonly subject: SubjectName;
  /** The case whose figure it is about. */
  readonly caseId: string;
  readonly metricId: string;
  readonly title: string;
  /** `'absolute'`: the figure itself, as it is shown, is held against the limit. */
  readonly baseline: BaselineName | 'absolute';
  /** `lower` is better: at most the limit; `higher`: at least. */
  readonly better: 'lower' | 'higher';
  readonly limit: number;
  /** A limit to be proud of. */
  readonly stretch?: number;
  /** Which bar it is where one figure has several. */
  readonly note?: string;
}

/** A bar and what was measured. */
export interface BarOutcome {
  readonly bar: Bar;
  readonly ratio: Spread;
  readonly isReached: boolean;
  readonly isStretchReached: boolean;
}

const subject = 'portcall';
const p50 = { subject, caseId: 'W1', metricId: 'p50Us', title: 'W1 p50', better: 'lower' } as const;
const p99 = { subject, caseId: 'W1', metricId: 'p99Us', title: 'W1 p99', better: 'lower' } as const;
const cpu = {
  subject,
  caseId: 'W2/64',
  metricId: 'cpuUsPerCall',
  title: 'W6',
  better: 'lower',
} as const;

const sync = {
  subject: 'portcall-port',
  caseId: 'W1s',
  metricId: 'p50Us',
  title: 'W1s p50',
  better: 'lower',
} as const;
const stream = {
  subject: 'portcall-port',
  caseId: 'W5',
  metricId: 'messagesPerSecond',
  title: 'W5',
  better: 'higher',
} as const;
const endurance = {
  subject,
  caseId: 'growth/calls',
  metricId: 'lastByFirst',
  title: 'last tenth of a million calls by the second',
  better: 'lower',
} as const;

/** The bars that this benchmark can tell about; all are medians over rounds. */
export const BARS: readonly Bar[] = [
  { ...p50, baseline: 'net', limit: 0.75, note: 'first bar' },
  { ...p50, subject: 'portcall-no-spin', baseline: 'net', limit: 0.75, stretch: 0.5 },
  { ...p50, baseline: 'net', limit: 0.35, stretch: 0.15 },
  { ...p50, baseline: 'grpc-js', limit: 1 / 50 },
  { ...p99, baseline: 'net', limit: 1, stretch: 0.5 },
  { ...rate('W2/64'), baseline: 'net-proto', limit: 1, note: 'first bar' },
  { ...rate('W2/64'), baseline: 'net-batch', limit: 1, stretch: 1.5 },
  { ...rate('W2/64'), baseline: 'net-proto', limit: 4 },
  { ...rate('W2/64'), baseline: 'grpc-js', limit: 120 },
  { ...rate('W2/256'), baseline: 'net-batch', limit: 0.6, stretch: 1 },
  { ...rate('W2/256'), baseline: 'net-proto', limit: 4 },
  { ...rate('W3/1 KiB'), baseline: 'net-batch', limit: 1, stretch: 1.5 },
  { ...rate('W3/16 KiB'), baseline: 'net-batch', limit: 2, stretch: 4 },
  { ...bandwidth('W4/1 MiB'), baseline: 'net', limit: 4 },
  { ...bandwidth('W4/16 MiB'), baseline: 'net', limit: 2.5 },
  { ...sync, baseline: 'net', limit: 0.12, stretch: 0.06 },
  { ...stream, baseline: 'net-batch', limit: 0.3, stretch: 0.6 },
  { ...stream, baseline: 'grpc-js', limit: 10 },
  { ...crowd('clientBytes', 'W7 client, KiB'), limit: 64 },
  { ...crowd('serverBytes', 'W7 server, KiB'), limit: 64 },
  { ...start('firstReplyMs', 'W8 first reply'), baseline: 'net', limit: 3 },
  { ...start('importMs', 'W8 import, ms'), baseline: 'absolute', limit: 60 },
  { ...crowd('idleCpuPercent', 'W9 idle CPU, %'), limit: 0.5 },
  { ...crowd('p99Rise', 'W9 p99 by that of one'), limit: 1.5 },
  { ...endurance, baseline: 'absolute', limit: 1.15 },
  { ...rate('W2/64'), subject: 'portcall-methods', baseline: 'portcall', limit: 0.85 },
  { ...cpu, baseline: 'net-batch', limit: 2, stretch: 1.2 },
  { ...cpu, baseline: 'grpc-js', limit: 1 / 80 },
];

/** Compares results with the bars; those whose figures were not measured are left out. */
export function judgeBars(
  results: readonly CaseResult[],
  bars: readonly Bar[] = BARS,
): readonly BarOutcome[] {
  return bars.flatMap((bar) => {
    const ratio = measuredRatio(results, bar);
    if (ratio === undefined) return [];
    return {
      bar,
      ratio,
      isReached: reaches(bar, ratio.median, bar.limit),
      isStretchReached: bar.stretch !== undefined && reaches(bar, ratio.median, bar.stretch),
    };
  });
}

function measuredRatio(results: readonly CaseResult[], bar: Bar): Spread | undefined {
  const result = results.find(({ benchCase }) => benchCase.id === bar.caseId);
  const metric = result?.benchCase.metrics.find(({ id }) => id === bar.metricId);
  if (result === undefined || metric === undefined) return undefined;
  const { baseline } = bar;
  if (baseline !== 'absolute') return relativeTo(result, { ...bar, baseline }, metric);
  return result.rounds.has(bar.subject) ? absoluteOf(result, bar.subject, metric) : undefined;
}

function reaches(bar: Bar, ratio: number, limit: number): boolean {
  return bar.better === 'lower' ? ratio <= limit : ratio >= limit;
}

function rate(caseId: string) {
  return { subject, caseId, metricId: 'callsPerSecond', title: caseId, better: 'higher' } as const;
}

function bandwidth(caseId: string) {
  return {
    subject,
    caseId,
    metricId: 'gigabytesPerSecond',
    title: caseId,
    better: 'higher',
  } as const;
}

function crowd(metricId: string, title: string) {
  return { subject, caseId: 'W9', metricId, title, better: 'lower', baseline: 'absolute' } as const;
}

function start(metricId: string, title: string) {
  return { subject, caseId: 'W8', metricId, title, better: 'lower' } as const;
}
