/* Threat: clients die at any moment of their connection, thousands of them, at one server. */
import { closeSync, openSync } from 'node:fs';

import { expect, it, describe } from 'vitest';

import { emptyTortureReport } from '../torture-report.js';
import { whyNoTracing } from '../tracing.js';
import { runKillCycles } from './kill-cycles.js';

const reason = whyNoTracing();
const title = reason === undefined ? '' : ` (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(`clients killed at random moments${title}`, () => {
  // Ten thousand: `npm run torture -- --cycles 10000`.
  it('leave nothing in the server, and others are served', async () => {
    const report = emptyTortureReport();
    await runKillCycles(report, { cycles: 150, seed: 5 });
    expect(report.failures).toEqual([]);
    expect(report.outcomes.get('killed with a connection')).toBeGreaterThan(10);
    expect(report.times.get("from kill to the server's closed")?.length).toBeGreaterThan(10);
  });

  it('are found out when one descriptor stays', async () => {
    const report = emptyTortureReport();
    const kept: number[] = [];
    const afterCycle = (cycle: number): void => {
      if (cycle === 3) kept.push(openSync('/dev/null', 'r'));
    };
    await runKillCycles(report, { cycles: 10, seed: 5, afterCycle });
    kept.forEach((fd) => closeSync(fd));
    expect(report.failures).toHaveLength(1);
    expect(report.failures[0]).toMatch(/nothing is left after 10 cycles: .* descriptors/);
  });
});
