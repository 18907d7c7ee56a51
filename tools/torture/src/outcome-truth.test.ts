import { expect, it, describe } from 'vitest';

import { expectTruth } from './outcome-truth.js';
import { emptyTortureReport } from './torture-report.js';

function judge(told: string, executed: readonly number[]): () => void {
  return () => expectTruth(emptyTortureReport(), [{ number: 7, told }], executed);
}

describe('expectTruth()', () => {
  it('accepts what agrees with the log', () => {
    judge('replied', [7, 8])();
    judge('DISCONNECTED no', [8])();
    judge('REPLY_LOST maybe', [])();
    judge('REPLY_LOST maybe', [7])();
  });

  it.each([
    ['replied', [8], 'was not executed'],
    ['DISCONNECTED no', [7], 'told as not executed'],
    ['REPLY_LOST maybe', [7, 7], 'executed 2 times'],
    ['TIMEOUT maybe', [7], 'TIMEOUT maybe'],
    ['replied with other bytes', [7], 'other bytes'],
  ])('finds %s of a log of %j', (told, executed, text) => {
    expect(judge(told, executed)).toThrow(text);
  });
});
