import type { MessageCredentials } from '@portcall/transport';
import type { MessageId } from '@portcall/wire';

import { NO_ATTRIBUTES, type IncomingAttributes } from './incoming-attributes.js';
import type { ReplySink } from './pending-requests.js';

/** What came with a message beside its data. */
export interface IncomingExtras {
  /** Number of the message in its direction, from 0. */
  readonly sequence: number;
  readonly attributes: Readonly<IncomingAttributes>;
  /** What the kernel vouched for when it was sent; only with the SECURITY attribute. */
  readonly credentials: MessageCredentials | undefined;
  /** Descriptors; the receiver's to close. */
  readonly handles: readonly number[];
}

const NO_HANDLES: readonly number[] = Object.freeze([]);

/** The extras of a message that has none. */
export function noExtras(sequence: number): IncomingExtras {
  return { sequence, attributes: NO_ATTRIBUTES, credentials: undefined, handles: NO_HANDLES };
}

/** A request of the peer that waits for its one reply. */
export class IncomingRequest {
  /** Its number on the connection. */
  readonly id: MessageId;
  /** For a callback: our own request that the peer is serving. */
  readonly callbackOf: ReplySink | undefined;
  /** How many callbacks deep it is. */
  readonly depth: number;
  /** Called once when the peer cancels, or goes away before the reply. */
  onCancel: (() => void) | undefined;
  /** Whether it has been replied to, or nobody waits any more. */
  isSettled = false;
  /** Most requests have none, and most receivers do not ask: then only the sequence. */
  #extras: IncomingExtras | number;

  /** @param extras or the message's sequence, when nothing came with it */
  constructor(id: MessageId, extras: IncomingExtras | number, callbackOf?: ReplySink) {
    this.id = id;
    this.#extras = extras;
    this.callbackOf = callbackOf;
    this.depth = callbackOf === undefined ? 0 : (callbackOf.depth ?? 0) + 1;
  }

  /** What came with it beside its data. */
  get extras(): IncomingExtras {
    if (typeof this.#extras === 'number') this.#extras = noExtras(this.#extras);
    return this.#extras;
  }

  /** Nobody waits for the reply any more. */
  cancel(): void {
    this.isSettled = true;
    const { onCancel } = this;
    this.onCancel = undefined;
    onCancel?.();
  }
}
