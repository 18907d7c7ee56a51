import { addReports, type TestReport } from './test-report.js';

/** One step of the gate. */
export interface GateStep {
  readonly name: string;
  /** Runs it; `output` is what to show when it failed. */
  readonly run: () => Promise<GateStepResult>;
}

/** How a step of the gate ended. */
export interface GateStepResult {
  readonly report: TestReport;
  readonly output: string;
}

/**
 * Runs the steps one after the other, all of them, also after a failure. Each is one printed line,
 * and its output follows when it failed. A step that throws has failed.
 */
export async function runGateSteps(
  steps: readonly GateStep[],
  print: (line: string) => void,
): Promise<TestReport> {
  const reports: TestReport[] = [];
  for (const step of steps) {
    const start = performance.now();
    const { report, output } = await runStep(step);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    reports.push(report);
    const word = report.failed === 0 ? 'ok' : 'FAILED';
    print(`${word.padEnd(7)} ${step.name.padEnd(11)} ${countsOf(report)}, ${seconds} s`);
    if (report.failed > 0 && output.trim() !== '') print(output.trimEnd());
  }
  return addReports(reports);
}

/** Lists the skipped tests with their reasons, for the end of the output; nothing when none. */
export function describeSkipped(report: TestReport): string[] {
  return report.skipped.map(({ name, reason }) => {
    return `skipped ${name}${reason === '' ? '' : `: ${reason}`}`;
  });
}

async function runStep(step: GateStep): Promise<GateStepResult> {
  try {
    return await step.run();
  } catch (error) {
    const output = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { report: { passed: 0, failed: 1, skipped: [] }, output };
  }
}

function countsOf({ passed, failed, skipped }: TestReport): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  return parts.join(', ');
}
