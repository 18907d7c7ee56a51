import { describe } from 'vitest';

import { because, type TransportUnderTest } from '../transports.js';
import { describeAccess } from './access.js';
import { describeAdmission } from './admission.js';
import { describeCallbacks } from './callbacks.js';
import { describeClosing } from './closing.js';
import { describeDeadlines } from './deadlines.js';
import { describeHandshake } from './handshake.js';
import { describeIds } from './ids.js';
import { describeMessageAttributes } from './message-attributes.js';
import { describeMessages } from './messages.js';
import { describeModes } from './modes.js';
import { describeNames } from './names.js';
import { describeOperations } from './operations.js';
import { describePortAttributes } from './port-attributes.js';
import { describeQuotas } from './quotas.js';
import { describeRanges } from './ranges.js';
import { describeReceiving } from './receiving.js';
import { describeReplies } from './replies.js';
import { describeViews } from './views.js';

/** Everything that a port promises, whatever carries it: run once for each transport. */
export function describePortConformance(subject: TransportUnderTest): void {
  const { name, skipReason } = subject;
  describe.skipIf(skipReason !== undefined)(`ports over ${name}${because(skipReason)}`, () => {
    describeNames(subject);
    describePortAttributes(subject);
    describeAdmission(subject);
    describeHandshake(subject);
    describeAccess(subject);
    describeModes(subject);
    describeRanges(subject);
    describeIds(subject);
    describeMessages(subject);
    describeOperations(subject);
    describeReceiving(subject);
    describeReplies(subject);
    describeCallbacks(subject);
    describeMessageAttributes(subject);
    describeViews(subject);
    describeDeadlines(subject);
    describeQuotas(subject);
    describeClosing(subject);
  });
}
