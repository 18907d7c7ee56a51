import { MESSAGE_TYPE, PENDING_REQUESTS_MAX, PortError, type PortAttributes } from '@portcall/wire';

import type { KnownMessage } from './mode-inline.js';

/** Answers up to this long are always queued; a status with its text is shorter. */
const SHORT_ANSWER_BYTES = 4096;

/** A message that waits for room. Its parts are not copied: the sender must leave them alone. */
export interface QueuedMessage extends KnownMessage {
  /** 'section' goes by section however short it is, where there are sections. */
  readonly prefersSection?: boolean;
  /** Called once: when it was committed, or with the reason why it never will be. */
  readonly onSettled: ((error?: PortError) => void) | undefined;
}

/** Whether a message of this type needs the receiver's credit. Source: `docs/PROTOCOL.md` 5.1. */
export function needsCredit(type: number): boolean {
  return type === MESSAGE_TYPE.REQUEST || type === MESSAGE_TYPE.DATAGRAM;
}

/** Messages in order, and their bytes. */
class Lane {
  readonly messages: QueuedMessage[] = [];
  bytes = 0;

  push(message: QueuedMessage): void {
    this.messages.push(message);
    this.bytes += message.totalBytes;
  }

  remove(index: number): QueuedMessage | undefined {
    const [removed] = index < 0 ? [] : this.messages.splice(index, 1);
    this.bytes -= removed?.totalBytes ?? 0;
    return removed;
  }
}

/**
 * Messages that found no room, bounded in number and bytes.
 *
 * Requests and datagrams wait for credit in a lane of their own, in order; answers and the like
 * never wait behind them, or two sides without credit would wait for each other.
 */
export class OutgoingQueue {
  readonly #attributes: PortAttributes;
  readonly #credited = new Lane();
  readonly #free = new Lane();

  constructor(attributes: PortAttributes) {
    this.#attributes = attributes;
  }

  /** Messages that wait. */
  get count(): number {
    return this.#credited.messages.length + this.#free.messages.length;
  }

  /** Bytes of data that wait. */
  get bytes(): number {
    return this.#credited.bytes + this.#free.bytes;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** Whether a message of this type would have to wait behind another. */
  isWaiting(type: number): boolean {
    return this.#laneOf(type).messages.length > 0;
  }

  /**
   * Adds a message behind those of its lane.
   *
   * @throws PortError QUOTA_EXCEEDED; PROTOCOL_ERROR when more answers wait than requests may be
   * outstanding: the peer asks on and on and reads nothing
   */
  push(message: QueuedMessage): void {
    const { maxPoolUsage, maxQueuedMessages } = this.#attributes;
    const { type } = message.head;
    const lane = this.#laneOf(type);
    if (needsCredit(type) || !isShortAnswer(message)) {
      // A first message always fits: a pool smaller than the longest one would block for ever.
      const tooMuch =
        this.count >= maxQueuedMessages || this.bytes + message.totalBytes > maxPoolUsage;
      if (this.count > 0 && tooMuch) throw this.#full();
    } else if (lane.messages.length > 2 * PENDING_REQUESTS_MAX + maxQueuedMessages) {
      throw new PortError('PROTOCOL_ERROR', 'Cannot answer: peer asks more than it may, unread');
    }
    lane.push(message);
  }

  /** The message that goes first. @param hasCredit whether requests and datagrams may go now */
  peek(hasCredit: boolean): QueuedMessage | undefined {
    return this.#free.messages[0] ?? (hasCredit ? this.#credited.messages[0] : undefined);
  }

  /** Takes the message out that `peek` gave. */
  shift(): void {
    if (this.#free.remove(0) === undefined && this.#free.messages.length === 0) {
      this.#credited.remove(0);
    }
  }

  /** Takes one message out that nobody waits for any more. */
  remove(messageId: number, type: number): QueuedMessage | undefined {
    const lane = this.#laneOf(type);
    const index = lane.messages.findIndex(
      ({ head }) => head.messageId === messageId && head.type === type,
    );
    return lane.remove(index);
  }

  /** Takes all out. */
  clear(): readonly QueuedMessage[] {
    this.#credited.bytes = 0;
    this.#free.bytes = 0;
    return [...this.#free.messages.splice(0), ...this.#credited.messages.splice(0)];
  }

  #laneOf(type: number): Lane {
    return needsCredit(type) ? this.#credited : this.#free;
  }

  #full(): PortError {
    const { maxPoolUsage, maxQueuedMessages } = this.#attributes;
    return new PortError(
      'QUOTA_EXCEEDED',
      `Cannot queue message: ${this.count} messages with ${this.bytes} bytes wait, limits are ` +
        `${maxQueuedMessages} messages and ${maxPoolUsage} bytes`,
      { retryAfterMs: 1 },
    );
  }
}

/** Without it the peer would wait in vain; its outstanding requests bound the number of those. */
function isShortAnswer({ head, totalBytes }: QueuedMessage): boolean {
  return head.type !== MESSAGE_TYPE.RANGE && totalBytes <= SHORT_ANSWER_BYTES;
}
