/** What cycles of deaths came to. */
export interface DeathReport {
  /** What was checked and found as it should be. */
  passed: number;
  /** What was found wrong, one line each. */
  readonly failures: string[];
  /** Requests by outcome: `replied`, or code and executed. */
  readonly outcomes: Map<string, number>;
  /**
   * For each death of a server with requests under way: milliseconds from the exit being reported
   * to this process (the child's 'exit' event) until the last request had settled. Below zero when
   * the connection told sooner, which it mostly does.
   */
  readonly settleAfterExitMs: number[];
  /** The same from the call of kill(2), which includes the kernel's own work. */
  readonly settleAfterKillMs: number[];
}

/** A report of nothing yet. */
export function emptyReport(): DeathReport {
  return {
    passed: 0,
    failures: [],
    outcomes: new Map(),
    settleAfterExitMs: [],
    settleAfterKillMs: [],
  };
}

/** Counts an outcome. */
export function countOutcome(report: DeathReport, outcome: string, count = 1): void {
  report.outcomes.set(outcome, (report.outcomes.get(outcome) ?? 0) + count);
}

/** Runs one check of a cycle: what it throws is a failure. */
export async function check(
  report: DeathReport,
  what: string,
  run: () => void | Promise<void>,
): Promise<void> {
  try {
    await run();
    report.passed++;
  } catch (error) {
    report.failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The value below which a share of all values lies; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const index = Math.min(Math.ceil(share * sorted.length), sorted.length) - 1;
  return sorted[Math.max(index, 0)] ?? Number.NaN;
}
