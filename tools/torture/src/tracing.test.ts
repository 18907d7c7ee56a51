import { describe, expect, it } from 'vitest';

import { runTraced, whyNoTracing } from './tracing.js';

const reason = whyNoTracing();
const title = reason === undefined ? '' : ` (skipped: ${reason})`;
const MARK = 'process.kill(process.pid, "SIGUSR2");';
const SCRIPT = ['-e', `${MARK} require('fs').readFileSync('/proc/self/stat'); ${MARK}`] as const;

describe.skipIf(reason !== undefined)(`runTraced()${title}`, () => {
  it('kills at the n-th system call between the marks, and not beyond the last', async () => {
    const [script, text] = SCRIPT;
    const whole = await runTraced({ unit: 'calls', limit: 0 }, script, [text]);
    expect(whole).toMatchObject({ finished: true, signal: 0, code: 0 });
    expect(whole.count).toBeGreaterThan(3);
    const second = await runTraced({ unit: 'calls', limit: 2 }, script, [text]);
    expect(second).toMatchObject({ count: 2, finished: false, signal: 9 });
  });

  it('kills behind the n-th instruction between the marks', async () => {
    const [script, text] = SCRIPT;
    const result = await runTraced({ unit: 'instructions', limit: 500 }, script, [text]);
    expect(result).toMatchObject({ count: 500, finished: false, signal: 9 });
  });
});
