import { describe, expect, it } from 'vitest';

import { describeSkipped, runGateSteps, type GateStep } from './gate-steps.js';
import { formatTotals } from './test-report.js';

function step(name: string, passed: number, failed: number): GateStep {
  const report = { passed, failed, skipped: [] };
  return { name, run: () => Promise.resolve({ report, output: `output of ${name}\n` }) };
}

async function printed(steps: readonly GateStep[]): Promise<string[]> {
  const lines: string[] = [];
  const totals = await runGateSteps(steps, (line) => lines.push(line.replace(/[\d.]+ s$/, 'T s')));
  return [...lines, formatTotals(totals)];
}

describe('runGateSteps()', () => {
  it('prints a line a step and adds up', async () => {
    expect(await printed([step('lint', 1, 0), step('tests', 20, 0)])).toEqual([
      'ok      lint        1 passed, T s',
      'ok      tests       20 passed, T s',
      '21 passed, 0 failed',
    ]);
  });

  it('shows the output of a failed step and goes on', async () => {
    expect(await printed([step('lint', 0, 1), step('tests', 1, 0)])).toEqual([
      'FAILED  lint        0 passed, 1 failed, T s',
      'output of lint',
      'ok      tests       1 passed, T s',
      '1 passed, 1 failed',
    ]);
  });

  it('takes a step that throws as failed', async () => {
    const broken: GateStep = { name: 'lint', run: () => Promise.reject(new Error('planted')) };
    const lines = await printed([broken]);
    expect(lines[1]).toContain('planted');
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
  });
});

describe('describeSkipped()', () => {
  it('names skipped tests and their reasons, and the totals count them', () => {
    const skipped = [
      { name: 'a.test.ts > b', reason: 'no memfd here' },
      { name: 'a.test.ts > c', reason: '' },
    ];
    const report = { passed: 3, failed: 0, skipped };
    expect(describeSkipped(report)).toEqual([
      'skipped a.test.ts > b: no memfd here',
      'skipped a.test.ts > c',
    ]);
    expect(formatTotals(report)).toBe('3 passed, 0 failed, 2 skipped');
  });
});
