/** A test that was not run. */
export interface SkippedTest {
  /** File, suites and test, as in `packages/a/src/a.test.ts > open() > fails`. */
  readonly name: string;
  /** What the test gave as its reason; empty when it gave none. */
  readonly reason: string;
}

/** The real numbers of one run of the test suite. */
export interface TestReport {
  readonly passed: number;
  /** Failed tests, and one for each file, suite or stray error that failed outside a test. */
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
}

/** The variable that names the file into which the test run writes its report, as JSON. */
export const REPORT_VARIABLE = 'PORTCALL_TEST_REPORT';

/** Writes totals in the form that is the last line of a gate. */
export function formatTotals(totals: TestReport): string {
  const skipped = totals.skipped.length > 0 ? `, ${totals.skipped.length} skipped` : '';
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`;
}

/** Adds up the reports of several runs. */
export function addReports(reports: readonly TestReport[]): TestReport {
  return {
    passed: reports.reduce((sum, report) => sum + report.passed, 0),
    failed: reports.reduce((sum, report) => sum + report.failed, 0),
    skipped: reports.flatMap((report) => report.skipped),
  };
}
