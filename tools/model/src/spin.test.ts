import { describe, expect, it } from 'vitest';

import { SPIN_CASES } from './spin-cases.js';
import { missingPrograms, readOutcome, runSpin } from './spin.js';

/** The small ones; `npm run model` runs all. */
const QUICK = SPIN_CASES.filter(({ model, defines }) => {
  const isRing = model === 'ring' && ['LOSS', 'NO_SECOND_LOOK'].includes(defines.at(-1) ?? '');
  return isRing || (model === 'handshake' && defines.length === 0);
});

const missing = missingPrograms();

describe(`spin${missing.length === 0 ? '' : ` (skipped: no ${missing.join(', no ')})`}`, () => {
  it.skipIf(missing.length > 0).each(QUICK)('runs $model $defines', { timeout: 60_000 }, (one) => {
    const { states, error } = runSpin(one);
    expect(states).toBeGreaterThan(100);
    expect(error !== undefined).toBe(one.planted === true);
  });
});

describe('readOutcome()', () => {
  it('refuses a search that was cut short, which proves nothing', () => {
    const text = 'error: max search depth too small\n 10 states, stored\n errors: 0';
    expect(() => readOutcome(text)).toThrow('Cannot read what spin found');
  });

  it('refuses what is no report', () => {
    expect(() => readOutcome('Killed')).toThrow('Cannot read what spin found');
  });
});
