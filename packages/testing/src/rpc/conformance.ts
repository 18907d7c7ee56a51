import { describe } from 'vitest';

import type { TransportUnderTest } from '../transports.js';
import { describeCalls } from './calls.js';
import { describeEndings } from './endings.js';
import { describeFailures } from './failures.js';

/** Everything that calls promise, whatever carries them: run once for each transport. */
export function describeRpcConformance(subject: TransportUnderTest): void {
  const reason = subject.skipReason === undefined ? '' : ` (skipped: ${subject.skipReason})`;
  describe.skipIf(subject.skipReason !== undefined)(`calls over ${subject.name}${reason}`, () => {
    describeCalls(subject);
    describeFailures(subject);
    describeEndings(subject);
  });
}
