import { percentile } from '@portcall/testing';

import type { TortureReport } from './torture-report.js';

/** Failures that are printed in full; there is a count of all. */
const FAILURES_SHOWN = 20;

/** The lines of a report, the totals last. */
export function formatReport(report: TortureReport): string[] {
  const { outcomes, failures, passed, settleAfterExitMs, settleAfterKillMs } = report;
  const lines = [...outcomes].toSorted().map(([name, count]) => `${name.padEnd(34)} ${count}`);
  const times = new Map(report.times);
  times.set("settled after exit (from the 'exit' event)", settleAfterExitMs);
  times.set('settled after kill (from the call of kill)', settleAfterKillMs);
  for (const [what, timesMs] of times) {
    if (timesMs.length > 0) lines.push(`${what}: ${formatTimes(timesMs)}`);
  }
  lines.push(...failures.slice(0, FAILURES_SHOWN).map((text) => `FAILED ${text}`));
  lines.push(`${passed} passed, ${failures.length} failed`);
  return lines;
}

function formatTimes(timesMs: readonly number[]): string {
  const text = (share: number): string => percentile(timesMs, share).toFixed(2);
  return `p50 ${text(0.5)} ms, p99 ${text(0.99)} ms, max ${text(1)} ms, of ${timesMs.length}`;
}
