import { describe } from 'vitest';

import { because, type TransportUnderTest } from '../transports.js';
import { describeAccess } from './access.js';
import { describeAdmission } from './admission.js';
import { describeBackpressure } from './backpressure.js';
import { describeCallbacks } from './callbacks.js';
import { describeClosing } from './closing.js';
import { describeDeadlines } from './deadlines.js';
import { describeDeath } from './death.js';
import { describeHandles } from './handles.js';
import { describeHandshake } from './handshake.js';
import { describeIdentity } from './identity.js';
import { describeIds } from './ids.js';
import { describeMessageAttributes } from './message-attributes.js';
import { describeMessages } from './messages.js';
import { describeModes } from './modes.js';
import { describeNames } from './names.js';
import { describeNamespaces } from './namespaces.js';
import { describeObserving } from './observing.js';
import { describeOperations } from './operations.js';
import { describePortAttributes } from './port-attributes.js';
import { describeQuotas } from './quotas.js';
import { describeRanges } from './ranges.js';
import { describeReceiving } from './receiving.js';
import { describeReplies } from './replies.js';
import { describeSecurity } from './security.js';
import { describeSync } from './sync.js';
import { describeViews } from './views.js';

/** Everything that a port promises, whatever carries it: run once for each transport. */
export function describePortConformance(subject: TransportUnderTest): void {
  const { name, skipReason } = subject;
  describe.skipIf(skipReason !== undefined)(`ports over ${name}${because(skipReason)}`, () => {
    describeNamespaces(subject);
    describeNames(subject);
    describePortAttributes(subject);
    describeAdmission(subject);
    describeHandshake(subject);
    describeIdentity(subject);
    describeSecurity(subject);
    describeAccess(subject);
    describeModes(subject);
    describeRanges(subject);
    describeIds(subject);
    describeMessages(subject);
    describeOperations(subject);
    describeReceiving(subject);
    describeSync(subject);
    describeReplies(subject);
    describeCallbacks(subject);
    describeMessageAttributes(subject);
    describeViews(subject);
    describeHandles(subject);
    describeDeadlines(subject);
    describeDeath(subject);
    describeQuotas(subject);
    describeBackpressure(subject);
    describeClosing(subject);
    describeObserving(subject);
  });
}
