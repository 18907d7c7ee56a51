/*
 * What `npm test` runs after the build: every check, the types of the tests, the whole test suite,
 * the addon's tests under AddressSanitizer and UBSan, and the code in the documents. A step other
 * than these two runs of tests counts as one; they count with their own numbers. The last line is
 * `N passed, N failed`, with `, N skipped` if tests were.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommand } from './command.js';
import { describeSkipped, runGateSteps, type GateStep, type GateStepResult } from './gate-steps.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { runSanitized } from './sanitizer-run.js';
import { formatTotals } from './test-report.js';
import { runVitest } from './vitest-run.js';

const STEPS: readonly GateStep[] = [
  toolStep('format', 'prettier/bin/prettier.cjs', ['--check', '.']),
  toolStep('lint', 'oxlint/bin/oxlint', []),
  checkStep('floors'),
  checkStep('docstrings'),
  checkStep('sizes'),
  toolStep('types', 'typescript/bin/tsc', ['-p', 'tsconfig.tests.json', '--noEmit']),
  { name: 'tests', run: () => runVitest({ root: REPOSITORY_ROOT, inherit: true }) },
  { name: 'sanitizers', run: () => runSanitized('address') },
  checkStep('snippets'),
];

function checkStep(name: string): GateStep {
  const script = fileURLToPath(new URL(`./check-${name}.js`, import.meta.url));
  return { name, run: () => runScript(script, []) };
}

function toolStep(name: string, script: string, args: readonly string[]): GateStep {
  const path = join(REPOSITORY_ROOT, 'node_modules', script);
  return { name, run: () => runScript(path, args) };
}

async function runScript(script: string, args: readonly string[]): Promise<GateStepResult> {
  const { ok, output } = await runCommand(process.execPath, [script, ...args], {
    cwd: REPOSITORY_ROOT,
  });
  return { report: { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: [] }, output };
}

const totals = await runGateSteps(STEPS, (line) => console.log(line));
for (const line of describeSkipped(totals)) console.log(line);
console.log(formatTotals(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;
