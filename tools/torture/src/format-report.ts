import { percentile, type DeathReport } from '@portcall/testing';

/** Failures that are printed in full; there is a count of all. */
const FAILURES_SHOWN = 20;

/** The lines of a report, the totals last. */
export function formatReport(report: DeathReport): string[] {
  const { outcomes, failures, passed } = report;
  const lines = [...outcomes].toSorted().map(([name, count]) => `${name.padEnd(18)} ${count}`);
  lines.push(
    `settled after exit ${formatTimes(report.settleAfterExitMs)} (from the 'exit' event)`,
    `settled after kill ${formatTimes(report.settleAfterKillMs)} (from the call of kill)`,
    ...failures.slice(0, FAILURES_SHOWN).map((text) => `FAILED ${text}`),
  );
  lines.push(`${passed} passed, ${failures.length} failed`);
  return lines;
}

function formatTimes(timesMs: readonly number[]): string {
  if (timesMs.length === 0) return 'none';
  const text = (share: number): string => percentile(timesMs, share).toFixed(2);
  return `p50 ${text(0.5)} ms, p99 ${text(0.99)} ms, max ${text(1)} ms`;
}
