/*
 * What `npm run test:nodes` runs after the build: the whole test suite on the running node and on
 * the newest release of each line in NODE_LINES, which comes from npm and stays in the cache. A
 * line that cannot be installed is a failure. The last line is `N passed, N failed`, as in the
 * gate.
 */
import { delimiter, dirname } from 'node:path';

import { describeSkipped } from './gate-steps.js';
import { installNode } from './node-install.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { addReports, formatTotals, type TestReport } from './test-report.js';
import { runVitest } from './vitest-run.js';

const NODE_LINES = [22, 24, 26] as const;

const FAILURE: TestReport = { passed: 0, failed: 1, skipped: [] };

async function testLine(line: number): Promise<TestReport> {
  const installed = await installNode(REPOSITORY_ROOT, line);
  if (!installed.ok) {
    console.log(`FAILED  node ${line}: cannot be installed\n${installed.output}`);
    return FAILURE;
  }
  console.log(installed.note);
  return testNode(`node ${line}`, installed.nodePath);
}

/** The folder of `nodePath` comes first in the path, so that child processes use the same node. */
async function testNode(name: string, nodePath: string): Promise<TestReport> {
  const env = { ...process.env, PATH: dirname(nodePath) + delimiter + process.env['PATH'] };
  const { report, output } = await runVitest({ root: REPOSITORY_ROOT, nodePath, env });
  if (report.failed > 0) console.log(output.trimEnd());
  for (const line of describeSkipped(report)) console.log(line);
  console.log(`${report.failed === 0 ? 'ok' : 'FAILED'}  ${name}: ${formatTotals(report)}`);
  return report;
}

const reports = [await testNode(`node ${process.version.slice(1)}`, process.execPath)];
for (const line of NODE_LINES) reports.push(await testLine(line));
const totals = addReports(reports);
console.log(formatTotals(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;
