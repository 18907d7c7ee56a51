/* Threat: a Node process is killed at any system call of connect, calls and close. */
import { closeSync, openSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { emptyTortureReport } from '../torture-report.js';
import { whyNoTracing } from '../tracing.js';
import { runClientSystemCalls, runServerSystemCalls } from './system-calls.js';

const reason = whyNoTracing();
const title = reason === undefined ? '' : ` (skipped: ${reason})`;

describe.skipIf(reason !== undefined)(`a process killed at a system call${title}`, () => {
  // All of them: `npm run torture -- --system-calls 1`.
  it('leaves nothing in its server, which is told the truth', { timeout: 60_000 }, async () => {
    const report = emptyTortureReport();
    const calls = await runClientSystemCalls(report, { every: 41 });
    expect(report.failures).toEqual([]);
    expect(calls).toBeGreaterThan(50);
    expect(report.outcomes.get("client's end: died")).toBeGreaterThan(0);
  });

  it('leaves its name and its client whole', { timeout: 60_000 }, async () => {
    const report = emptyTortureReport();
    const calls = await runServerSystemCalls(report, { every: 53 });
    expect(report.failures).toEqual([]);
    expect(calls).toBeGreaterThan(50);
    expect(report.outcomes.get('connect: connected')).toBeGreaterThan(0);
  });

  it('is found out when a descriptor of it stays', { timeout: 60_000 }, async () => {
    const report = emptyTortureReport();
    const kept: number[] = [];
    const afterKill = (): void => void kept.push(openSync('/dev/null', 'r'));
    await runClientSystemCalls(report, { every: 1, from: 20, killsMax: 1, afterKill });
    kept.forEach((fd) => closeSync(fd));
    expect(report.failures.filter((text) => text.includes('nothing is left'))).toHaveLength(1);
  });
});
