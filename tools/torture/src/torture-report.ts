import { emptyReport, type DeathReport } from '@portcall/testing';

/** What a run of torture came to: checks, outcomes, and how long things took. */
export interface TortureReport extends DeathReport {
  /** Milliseconds by what they are of; the name says from when to when. */
  readonly times: Map<string, number[]>;
}

/** A report of nothing yet. */
export function emptyTortureReport(): TortureReport {
  return { ...emptyReport(), times: new Map() };
}

/** Notes how long something took. */
export function noteTime(report: TortureReport, what: string, ms: number): void {
  const times = report.times.get(what);
  if (times === undefined) report.times.set(what, [ms]);
  else times.push(ms);
}
