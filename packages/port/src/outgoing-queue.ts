import { MESSAGE_TYPE, PortError, type PortAttributes } from '@portcall/wire';

import type { KnownMessage } from './mode-inline.js';

/** Replies up to this long are always queued; a status with its text is shorter. */
const SHORT_REPLY_BYTES = 4096;

/** A message that waits for room. Its parts are not copied: the sender must leave them alone. */
export interface QueuedMessage extends KnownMessage {
  /** Called once: when it was committed, or with the reason why it never will be. */
  readonly onSettled: ((error?: PortError) => void) | undefined;
}

/** Messages that found no room, in order; bounded in number and bytes. */
export class OutgoingQueue {
  readonly #attributes: PortAttributes;
  #messages: QueuedMessage[] = [];
  #bytes = 0;

  constructor(attributes: PortAttributes) {
    this.#attributes = attributes;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Adds a message behind the others. @throws PortError QUOTA_EXCEEDED */
  push(message: QueuedMessage): void {
    const { maxPoolUsage, maxQueuedMessages } = this.#attributes;
    const count = this.#messages.length;
    // A first message always fits: a pool smaller than the longest message would block for ever. So
    // does a short reply, or the peer would wait in vain; open requests bound the number of those.
    const isShortReply =
      message.head.type === MESSAGE_TYPE.REPLY && message.totalBytes <= SHORT_REPLY_BYTES;
    const tooMuch = count >= maxQueuedMessages || this.#bytes + message.totalBytes > maxPoolUsage;
    if (count > 0 && tooMuch && !isShortReply) {
      throw new PortError(
        'QUOTA_EXCEEDED',
        `Cannot queue message: ${count} messages with ${this.#bytes} bytes wait, limits are ` +
          `${maxQueuedMessages} messages and ${maxPoolUsage} bytes`,
        { retryAfterMs: 1 },
      );
    }
    this.#messages.push(message);
    this.#bytes += message.totalBytes;
  }

  /** The message that goes first. */
  peek(): QueuedMessage | undefined {
    return this.#messages[0];
  }

  /** Takes the message that goes first. */
  shift(): void {
    this.#bytes -= this.#messages.shift()?.totalBytes ?? 0;
  }

  /** Takes one request out that nobody waits for any more. */
  removeRequest(messageId: number, type: number): boolean {
    const index = this.#messages.findIndex(
      ({ head }) => head.messageId === messageId && head.type === type,
    );
    const [removed] = index < 0 ? [] : this.#messages.splice(index, 1);
    if (removed === undefined) return false;
    this.#bytes -= removed.totalBytes;
    return true;
  }

  /** Takes all out. */
  clear(): readonly QueuedMessage[] {
    this.#bytes = 0;
    return this.#messages.splice(0);
  }
}
