/* Threat: both sides die at once, nobody waits for the dead, or a process is only stopped. */
import { describe, expect, it } from 'vitest';

import { emptyTortureReport } from '../torture-report.js';
import { whyNoTracing } from '../tracing.js';
import { runFreeze, runOddDeaths } from './odd-deaths.js';

const reason = whyNoTracing();
const title = reason === undefined ? '' : ` (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(`odd deaths${title}`, () => {
  // Many: `npm run torture -- --odd-deaths 50`.
  it('are told for what they are, and leave nothing', async () => {
    const report = emptyTortureReport();
    await runOddDeaths(report, 1);
    expect(report.failures).toEqual([]);
    expect(report.passed).toBe(11);
  });

  it('are found out when a client thaws too late for its lease', async () => {
    const report = emptyTortureReport();
    await runFreeze(report, 'within', 1500);
    expect(report.failures.join()).toMatch(/within the lease: the reply comes: PEER_UNRESPONSIVE/);
  });
});
