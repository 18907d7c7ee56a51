import { describe, expect, it } from 'vitest';

import type { ChannelStatistics } from './port-channel.js';
import { PortTotals } from './port-totals.js';

/** Counts that are all different, times a factor. */
function counts(factor: number): ChannelStatistics {
  return {
    sentInline: factor,
    sentSection: 2 * factor,
    sentBytes: 3 * factor,
    received: 4 * factor,
    receivedBytes: 5 * factor,
    queued: 6 * factor,
    untaken: 7 * factor,
    refused: 8 * factor,
  };
}

describe('PortTotals', () => {
  it('are all 0 at first', () => {
    expect(new PortTotals().of([])).toEqual({ ...counts(0), connections: 0, accepted: 0 });
  });

  it('add up the connections that are open', () => {
    const open = new Set([{ statistics: counts(1) }, { statistics: counts(10) }]);
    const totals = new PortTotals();
    expect(totals.of(open)).toEqual({ ...counts(11), connections: 2, accepted: 2 });
    // Looking does not count twice.
    expect(totals.of(open)).toEqual({ ...counts(11), connections: 2, accepted: 2 });
  });

  it('keep the counts of those that have ended, without what waited in them', () => {
    const totals = new PortTotals();
    totals.add(counts(1));
    totals.add(counts(10));
    const gone = { ...counts(11), queued: 0, untaken: 0 };
    expect(totals.of([])).toEqual({ ...gone, connections: 0, accepted: 2 });
    expect(totals.of([{ statistics: counts(100) }])).toEqual({
      ...counts(111),
      queued: 600,
      untaken: 700,
      connections: 1,
      accepted: 3,
    });
  });
});
