import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from './command.js';
import { REPORT_VARIABLE, type TestReport } from './test-report.js';

const REPORTER = fileURLToPath(new URL('./test-reporter.js', import.meta.url));

/** How the test suite is run. */
export interface VitestOptions {
  /** The folder with vitest.config.ts. */
  readonly root: string;
  /** The node to run it with; default the running one. */
  readonly nodePath?: string;
  /** The whole environment; by default that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Parts of the paths of the test files to run. Default: all of them. */
  readonly filters?: readonly string[];
  /** Shows vitest's own output while it runs. Default false: it is handed back. */
  readonly inherit?: boolean;
}

/** A report, and what vitest wrote unless it was shown. */
export interface VitestRun {
  readonly report: TestReport;
  readonly output: string;
}

/**
 * Runs the whole test suite once. `it.only` is an error. A run that found no test, that crashed
 * before it could report, or that failed without saying where, counts as one failure.
 */
export async function runVitest(options: VitestOptions): Promise<VitestRun> {
  const { root, nodePath = process.execPath, env = process.env, inherit = false } = options;
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'portcall-test-report-'));
  const reportPath = join(work, 'report.json');
  const args = ['run', '--allowOnly=false', '--reporter=default', `--reporter=${REPORTER}`];
  try {
    const command = [vitestPath(root), ...args, ...(options.filters ?? [])];
    const { ok, output } = await runCommand(nodePath, command, {
      cwd: root,
      env: { ...env, [REPORT_VARIABLE]: reportPath },
      inherit,
    });
    return { report: judgeReport(readReport(reportPath), ok), output };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Makes a failure of what vitest did not report as one: a crash, a bad exit code, no tests. */
export function judgeReport(report: TestReport | undefined, exitOk: boolean): TestReport {
  if (report === undefined) return { passed: 0, failed: 1, skipped: [] };
  const isSilentFailure = report.failed === 0 && (!exitOk || report.passed === 0);
  return isSilentFailure ? { ...report, failed: 1 } : report;
}

function readReport(path: string): TestReport | undefined {
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as TestReport;
}

function vitestPath(root: string): string {
  return join(root, 'node_modules/vitest/vitest.mjs');
}
