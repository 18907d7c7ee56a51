import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Bandwidth } from './bandwidth.js';

describe('Bandwidth', () => {
  it('lets a tenth of a second go at once, then no more than its rate', () => {
    const bandwidth = new Bandwidth(1_000_000, 0);
    expect(bandwidth.waitMs(0)).toBe(0);
    bandwidth.use(99_999);
    expect(bandwidth.waitMs(0)).toBe(0);
    bandwidth.use(1);
    expect(bandwidth.waitMs(0)).toBeGreaterThan(0);
  });

  it('makes the next one wait until what was overdrawn is made good, and no longer', () => {
    const bandwidth = new Bandwidth(1_000_000, 0);
    bandwidth.use(600_000);
    const waitMs = bandwidth.waitMs(0);
    expect(waitMs).toBeGreaterThanOrEqual(500);
    expect(waitMs).toBeLessThan(502);
    expect(bandwidth.waitMs(499)).toBeGreaterThan(0);
    expect(bandwidth.waitMs(waitMs)).toBe(0);
  });

  it('saves up no more than a burst', () => {
    const bandwidth = new Bandwidth(1_000_000, 0);
    expect(bandwidth.waitMs(1_000_000)).toBe(0);
    bandwidth.use(100_000);
    expect(bandwidth.waitMs(1_000_000)).toBeGreaterThan(0);
  });

  it('lets at least a page go at once, however slow it is', () => {
    const bandwidth = new Bandwidth(1024, 0);
    bandwidth.use(4095);
    expect(bandwidth.waitMs(0)).toBe(0);
    bandwidth.use(1);
    expect(bandwidth.waitMs(0)).toBeGreaterThan(0);
  });

  it('without a limit never waits', () => {
    const bandwidth = new Bandwidth(Infinity, 0);
    for (let sent = 0; sent < 100; sent++) {
      bandwidth.use(2 ** 31);
      expect(bandwidth.waitMs(0)).toBe(0);
    }
  });

  it('keeps its rate in the long run, whatever is sent, and is never idle for longer', () => {
    const rates = fc.integer({ min: 1024, max: 10_000_000 });
    const lengths = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 50, size: 'max' });
    fc.assert(
      fc.property(rates, lengths, (rate, all) => {
        const bandwidth = new Bandwidth(rate, 0);
        let nowMs = 0;
        let sent = 0;
        for (const [index, bytes] of all.entries()) {
          const waitMs = bandwidth.waitMs(nowMs);
          nowMs += waitMs;
          expect(bandwidth.waitMs(nowMs)).toBe(0);
          // What was sent before this one is within the rate and one burst.
          const burst = Math.max(rate / 10, 4096);
          expect(sent).toBeLessThanOrEqual((nowMs / 1000) * rate + burst + 1);
          // One millisecond for each message is the price of whole timers.
          const leastMs = Math.max(0, ((sent - burst) / rate) * 1000);
          expect(nowMs).toBeLessThanOrEqual(leastMs + index + 1);
          bandwidth.use(bytes);
          sent += bytes;
        }
      }),
    );
  });
});
