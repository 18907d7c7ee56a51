/* Threat: a client is killed between any two instructions of publishing a message. */
import { describe, expect, it } from 'vitest';

import { emptyTortureReport } from '../torture-report.js';
import { whyNoTracing } from '../tracing.js';
import { runInstructionSteps } from './instruction-steps.js';

const reason = whyNoTracing();
const title = reason === undefined ? '' : ` (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(`a client killed within its publish${title}`, () => {
  // All instructions: `npm run torture -- --steps 1`.
  it.each([
    ['words', 23, 30],
    ['peer', 131, 18],
  ] as const)('by %s leaves a whole message or none', async (way, every, runs) => {
    const report = emptyTortureReport();
    const steps = await runInstructionSteps(report, { way, every });
    expect(report.failures).toEqual([]);
    expect(steps).toBeGreaterThan(100);
    const { outcomes } = report;
    expect(outcomes.get('killed with the message not published')).toBeGreaterThan(5);
    expect(outcomes.get('killed with the message published')).toBeGreaterThan(1);
    expect(report.passed).toBeGreaterThan(3 * runs);
  });

  it('is found out when it moves the tail before it writes', async () => {
    const report = emptyTortureReport();
    await runInstructionSteps(report, { way: 'planted', every: 23 });
    expect(report.failures.filter((text) => text.includes('torn: ')).length).toBeGreaterThan(2);
  });
});
