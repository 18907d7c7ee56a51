import { describe, expect, it } from 'vitest';

import { SPIN_CASES } from './spin-cases.js';
import { missingPrograms, readOutcome, runSpin } from './spin.js';

const missing = missingPrograms();
const suffix = missing.length > 0 ? ` (skipped: no ${missing.join(', ')} here)` : '';
const CASES = SPIN_CASES.filter((one) => one.model === 'handshake').map((one) => ({
  ...one,
  name: [one.model, ...one.defines].join(' '),
}));

describe.skipIf(missing.length > 0)(`spin${suffix}`, () => {
  it.each(CASES.filter((one) => one.planted !== true))('finds nothing: $name', (one) => {
    const outcome = runSpin(one);
    expect(outcome.error).toBeUndefined();
    expect(outcome.states).toBeGreaterThan(100);
  });

  it.each(CASES.filter((one) => one.planted === true))('finds: $name', (one) => {
    expect(runSpin(one).error).toMatch(/assertion violated|invalid end state|acceptance cycle/);
  });
});

describe('readOutcome()', () => {
  it('throws for a search that was cut short', () => {
    const text = 'error: max search depth too small\nerrors: 0\n 99 states, stored\n';
    expect(() => readOutcome(text)).toThrow('Cannot read what spin found');
  });

  it('throws for what is no report', () => {
    expect(() => readOutcome('pan: elapsed time 1 seconds')).toThrow('Cannot read');
  });
});
