import type { MessageId } from '@portcall/wire';

/** A request of the peer that waits for its one reply. */
export class IncomingRequest {
  /** Its number on the connection. */
  readonly id: MessageId;
  /** Called once when the peer cancels, or goes away before the reply. */
  onCancel: (() => void) | undefined;
  /** Whether it has been replied to, or nobody waits any more. */
  isSettled = false;

  constructor(id: MessageId) {
    this.id = id;
  }
}
