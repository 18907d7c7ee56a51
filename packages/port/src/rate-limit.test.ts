import { describe, expect, it } from 'vitest';

import { RateLimit } from './rate-limit.js';

describe('tryPass()', () => {
  it('lets the burst through, and then one for each interval', () => {
    const limit = new RateLimit(2, 100);
    expect([0, 1, 2, 50].map((at) => limit.tryPass(at))).toEqual([true, true, false, false]);
    expect([101, 102, 203].map((at) => limit.tryPass(at))).toEqual([true, false, true]);
  });

  it('saves up no more than the burst', () => {
    const limit = new RateLimit(2, 100);
    limit.tryPass(0);
    expect([9000, 9000, 9000].map((at) => limit.tryPass(at))).toEqual([true, true, false]);
  });
});
