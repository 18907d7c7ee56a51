import { ATTRIBUTE } from '@portcall/wire';
import type { PeerIdentity } from '@portcall/transport';

import type { AnnouncedRange } from './incoming-attributes.js';
import type { ClaimedIdentity, WorkOnBehalf } from './outgoing-attributes.js';
import type { PortHandle } from './port-handle.js';
import type { SecurityToken } from './security-context.js';
import type { View } from './view.js';

/** Attributes that a receiver can ask for. Source: `port.md` 16; ALPC_MESSAGE_ATTRIBUTES. */
export const ATTRIBUTE_NAMES = [
  'security',
  'view',
  'context',
  'handle',
  'token',
  'direct',
  'workOnBehalf',
  'onBehalfOf',
  'deadline',
] as const;

/** One of {@link ATTRIBUTE_NAMES}. */
export type AttributeName = (typeof ATTRIBUTE_NAMES)[number];

/** Which `ATTRIBUTE` bit makes the sender add what an attribute needs. */
const WIRE_BITS: Partial<Record<AttributeName, number>> = {
  security: ATTRIBUTE.SECURITY,
  // A token tells of changes only where the kernel's word comes with the messages.
  token: ATTRIBUTE.SECURITY,
  handle: ATTRIBUTE.HANDLE,
  direct: ATTRIBUTE.DIRECT,
  workOnBehalf: ATTRIBUTE.WORK_ON_BEHALF,
  onBehalfOf: ATTRIBUTE.ON_BEHALF_OF,
  deadline: ATTRIBUTE.DEADLINE,
};

/** What belongs to a message without crossing the wire with it. */
export interface MessageContext {
  /** What the server attached to the connection in `accept`. */
  readonly portContext: unknown;
  /** Number of the message in its direction, from 0. */
  readonly sequence: number;
  /** 0 for a datagram. */
  readonly messageId: number;
  /** Depth of the callback; 0 for an ordinary request. */
  readonly depth: number;
}

/**
 * What came with a message beside its data: only what the receiver asked for. `valid` says what is
 * there; everything else is `undefined`.
 */
export interface MessageAttributes {
  readonly valid: ReadonlySet<AttributeName>;
  /** Who sent it. With dynamic tracking: at that moment, by the kernel's word. */
  readonly security?: PeerIdentity;
  /** The data as memory that can be given back at once; only of messages that came by section. */
  readonly view?: View;
  readonly context?: MessageContext;
  readonly handle?: readonly PortHandle[];
  readonly token?: SecurityToken;
  /** Ranges of the sender's memory: `PortMessage.read` and `write` reach them. */
  readonly direct?: readonly AnnouncedRange[];
  readonly workOnBehalf?: Required<WorkOnBehalf>;
  /** For whom the sender claims to act, the nearest first. Worth what the sender is. */
  readonly onBehalfOf?: readonly ClaimedIdentity[];
  /** Milliseconds that remained of the sender's deadline when it was sent. */
  readonly deadline?: number;
}

/** The `ATTRIBUTE` bits to tell the peer. @throws TypeError for a name that there is not */
export function wantedBits(names: readonly AttributeName[]): number {
  const unknown = names.find((name) => !ATTRIBUTE_NAMES.includes(name));
  if (unknown !== undefined) throw new TypeError(`Cannot ask for attribute ${unknown}`);
  return names.reduce((sum, name) => sum | (WIRE_BITS[name] ?? 0), 0);
}
