import { writeFileSync } from 'node:fs';

import { REPORT_VARIABLE, type SkippedTest, type TestReport } from './test-report.js';

import type { Reporter, TestModule } from 'vitest/node';

/**
 * Counts the tests of a vitest run. vitest's own JSON reporter is not enough: it leaves out why a
 * test was skipped, and errors that belong to no test.
 *
 * A default export, against the conventions, because vitest loads reporters by it.
 */
export default class CountingReporter implements Reporter {
  /** Writes the report when the run has ended. */
  onTestRunEnd(modules: readonly TestModule[], strayErrors: readonly unknown[]): void {
    const path = process.env[REPORT_VARIABLE];
    if (path === undefined) throw new Error(`Cannot write report: ${REPORT_VARIABLE} is not set`);
    writeFileSync(path, JSON.stringify(countTests(modules, strayErrors.length)));
  }
}

function countTests(modules: readonly TestModule[], strayErrorCount: number): TestReport {
  let passed = 0;
  let failed = strayErrorCount;
  const skipped: SkippedTest[] = [];
  for (const module of modules) {
    failed += countSuiteErrors(module);
    for (const test of module.children.allTests()) {
      const result = test.result();
      const name = `${module.relativeModuleId} > ${test.fullName}`;
      if (result.state === 'passed') passed++;
      else if (result.state === 'skipped') skipped.push({ name, reason: result.note ?? '' });
      // "pending" after the end: the run broke off before the test ended.
      else failed++;
    }
  }
  return { passed, failed, skipped };
}

/** The file and the suites that failed outside of a test: an import, or a hook. */
function countSuiteErrors(module: TestModule): number {
  const suites = [module, ...module.children.allSuites()];
  return suites.filter((suite) => suite.errors().length > 0).length;
}
