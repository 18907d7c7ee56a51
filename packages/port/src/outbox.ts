import {
  MESSAGE_OFFSET,
  MESSAGE_TYPE,
  PortError,
  isPortError,
  type PortAttributes,
} from '@portcall/wire';
import type { Link } from '@portcall/transport';

import { Bandwidth } from './bandwidth.js';
import { SendCredit, type CreditTotals } from './credit.js';
import { INLINE_OVERHEAD_BYTES, writeInlineHeader, type MessageHead } from './message-header.js';
import { trySendInline } from './mode-inline.js';
import { trySendSection } from './mode-section.js';
import { OutgoingQueue, needsCredit, type QueuedMessage } from './outgoing-queue.js';
import { messageTooLong } from './request-errors.js';

/** Room for a message's data in memory that goes out as it is. */
export interface MessageSpace {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First byte of the data. */
  readonly offset: number;
  /** End of the room. */
  readonly limit: number;
}

/** What an outbox asks of its channel. */
export interface OutboxHost {
  readonly portName: string;
  /** A REQUEST, RANGE or PING was committed. */
  onSent(head: MessageHead, dataBytes: number): void;
  /** A queued message cannot be sent after all. */
  onUnsendable(message: QueuedMessage, error: PortError): void;
  /** The outbox takes messages again, and nothing but requests and datagrams waits. */
  onRoom(): void;
  /** Something waited or was refused, and now there is room and credit. */
  onDrained(): void;
}

/** What an outbox has sent. */
export interface SentCounts {
  /** Messages through the ring (or the stream, or the queue of another transport). */
  readonly inline: number;
  /** Messages by section. */
  readonly section: number;
  /** Bytes of data of both. */
  readonly bytes: number;
}

/** Room asked for when a sender does not know the length yet. */
const CLAIM_BYTES_MIN = 256;

const NOTHING = new Uint8Array(0);

/**
 * The sending half of a channel: modes, order, credit, the queue of what found no room.
 */
export class Outbox {
  /** Largest data that goes through the ring. */
  readonly inlineBytesMax: number;
  /** Largest data of one message. */
  readonly dataBytesMax: number;
  readonly #link: Link;
  readonly #host: OutboxHost;
  readonly #queue: OutgoingQueue;
  readonly #credit: SendCredit;
  readonly #bandwidth: Bandwidth;
  readonly #space: { -readonly [K in keyof MessageSpace]: MessageSpace[K] } = {
    bytes: NOTHING,
    view: new DataView(NOTHING.buffer),
    offset: 0,
    limit: 0,
  };
  /** The link had no room: until it has, everything waits, so that nobody is overtaken for ever. */
  #isBlocked = false;
  /** A message was refused for want of room or credit: somebody waits to be told of it. */
  #wasRefused = false;
  #bandwidthTimer: NodeJS.Timeout | undefined;
  /** Largest data that goes by section; 0 where there are none. */
  readonly #sectionBytesMax: number;
  #sequence: number;
  #sentCount = 0;
  #sentSection = 0;
  #sentBytes = 0;

  /** @param firstSequence for tests of the wrap at 2^32 */
  constructor(link: Link, attributes: PortAttributes, host: OutboxHost, firstSequence = 0) {
    this.#link = link;
    this.#host = host;
    this.#sequence = firstSequence;
    const inlineLimit = link.sections === undefined ? Infinity : attributes.inlineLimit;
    this.inlineBytesMax = Math.min(inlineLimit, link.recordBytesMax - INLINE_OVERHEAD_BYTES);
    // The link knows this side's own limit; the peer's may be smaller.
    this.#sectionBytesMax = Math.min(
      link.sections?.sectionBytesMax ?? 0,
      attributes.maxSectionSize,
    );
    this.dataBytesMax = Math.min(
      attributes.maxMessageLength,
      Math.max(this.inlineBytesMax, this.#sectionBytesMax),
    );
    this.#queue = new OutgoingQueue(attributes);
    this.#credit = new SendCredit(attributes);
    this.#bandwidth = new Bandwidth(attributes.memoryBandwidth, performance.now());
  }

  /** Numbers a message that was written into a claim of the link, and commits it. */
  readonly stamp = (view: DataView, head: MessageHead, start: number, length: number): void =>
    this.#stampAndCommit(view, head, start, length);

  /** Counts since it was made. */
  get sent(): SentCounts {
    const inline = this.#sentCount - this.#sentSection;
    return { inline, section: this.#sentSection, bytes: this.#sentBytes };
  }

  /** Messages that wait for room or credit. */
  get queuedCount(): number {
    return this.#queue.count;
  }

  /** Bytes of data that wait for room or credit. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Whether nothing waits, and nobody who was refused has to wait for room or credit. */
  get isDrained(): boolean {
    return this.#queue.isEmpty && !this.#wasRefused;
  }

  /** Whether a message of this type would go at once, if it fits. */
  canSend(type: number): boolean {
    if (this.#isBlocked || this.#queue.isWaiting(type)) return false;
    return !needsCredit(type) || this.#credit.isOpen;
  }

  /** As `PortChannel.claim`. */
  claim(minBytes: number, type: number): MessageSpace | undefined {
    if (!this.canSend(type)) return undefined;
    const wanted = Math.min(Math.max(minBytes, CLAIM_BYTES_MIN), this.inlineBytesMax);
    const claim = this.#link.tryClaim(INLINE_OVERHEAD_BYTES + wanted);
    if (claim === undefined) return undefined;
    const space = this.#space;
    space.bytes = claim.bytes;
    space.view = claim.view;
    space.offset = claim.offset + INLINE_OVERHEAD_BYTES;
    space.limit = Math.min(
      claim.limit,
      space.offset + Math.min(this.inlineBytesMax, this.dataBytesMax),
    );
    return space;
  }

  /** As `PortChannel.commit`. */
  commit(head: MessageHead, end: number): void {
    const { view, offset } = this.#space;
    const start = offset - INLINE_OVERHEAD_BYTES;
    writeInlineHeader(view, head, start, end - offset);
    this.#stampAndCommit(view, head, start, end - start);
    this.#count(head.type, end - offset);
  }

  /** Gives the claim back unused. */
  abort(): void {
    this.#link.abort();
  }

  /**
   * Sends or queues a message. @throws PortError MESSAGE_TOO_LONG, QUOTA_EXCEEDED, PROTOCOL_ERROR
   */
  send(message: QueuedMessage): void {
    const { totalBytes, head } = message;
    this.checkLength(totalBytes);
    if (this.canSend(head.type) && this.#trySend(message)) message.onSettled?.();
    else this.#queue.push(message);
  }

  /** Sends a message now or not at all. @throws PortError MESSAGE_TOO_LONG */
  trySend(message: QueuedMessage): boolean {
    const { type } = message.head;
    // The port's own numbers have to get through, however short the messages of programs may be.
    if (type !== MESSAGE_TYPE.CREDIT) this.checkLength(message.totalBytes);
    if (this.canSend(type) && this.#trySend(message)) return true;
    if (needsCredit(type)) this.#wasRefused = true;
    return false;
  }

  /** Refuses data that no message can have. @throws PortError MESSAGE_TOO_LONG */
  checkLength(totalBytes: number): void {
    if (totalBytes <= this.dataBytesMax) return;
    const { dataBytesMax } = this;
    throw messageTooLong({ portName: this.#host.portName, dataBytesMax }, totalBytes);
  }

  /** Takes a message out of the queue that nobody waits for any more. */
  remove(messageId: number, type: number): QueuedMessage | undefined {
    return this.#queue.remove(messageId, type);
  }

  /** The peer has taken messages. @throws PortError PROTOCOL_ERROR */
  onCredit(totals: CreditTotals): void {
    this.#credit.onTaken(totals);
    if (!this.#isBlocked) this.onWritable();
  }

  /** There may be room: sends what waits. */
  onWritable(): void {
    this.#isBlocked = false;
    const isWanted = !this.#queue.isEmpty || this.#wasRefused;
    for (;;) {
      const message = this.#queue.peek(this.#credit.isOpen);
      if (message === undefined) break;
      try {
        if (!this.#trySend(message)) return;
        this.#queue.shift();
        message.onSettled?.();
      } catch (error) {
        this.#queue.shift();
        this.#host.onUnsendable(message, isPortError(error) ? error : unsendable(error));
      }
    }
    this.#host.onRoom();
    if (!isWanted || !this.#queue.isEmpty) return;
    // Who was refused waits for credit as well; who was queued has gone out.
    if (this.#wasRefused && !this.#credit.isOpen) return;
    this.#wasRefused = false;
    this.#host.onDrained();
  }

  /** Takes out everything that waits: the connection has ended. */
  clear(): readonly QueuedMessage[] {
    clearTimeout(this.#bandwidthTimer);
    return this.#queue.clear();
  }

  #trySend(message: QueuedMessage): boolean {
    const isSection = this.#goesBySection(message);
    if (isSection && this.#mustWait()) return false;
    const sent = isSection
      ? trySendSection(this.#link, message, this.stamp)
      : trySendInline(this.#link, message, this.stamp);
    if (!sent) {
      this.#isBlocked = true;
      return false;
    }
    if (isSection) {
      this.#sentSection++;
      this.#bandwidth.use(message.totalBytes);
    }
    this.#count(message.head.type, message.totalBytes);
    return true;
  }

  #goesBySection({ head, totalBytes, prefersSection, attributes }: QueuedMessage): boolean {
    if (head.type === MESSAGE_TYPE.CREDIT) return false;
    if (totalBytes > this.inlineBytesMax) return true;
    const recordBytes = INLINE_OVERHEAD_BYTES + totalBytes + (attributes?.lengthBytes ?? 0);
    if (recordBytes > this.#link.recordBytesMax) return true;
    return prefersSection === true && totalBytes > 0 && totalBytes <= this.#sectionBytesMax;
  }

  /** Whether the bandwidth is used up; then a timer goes on. */
  #mustWait(): boolean {
    const waitMs = this.#bandwidth.waitMs(performance.now());
    if (waitMs === 0) return false;
    this.#isBlocked = true;
    clearTimeout(this.#bandwidthTimer);
    this.#bandwidthTimer = setTimeout(() => this.onWritable(), waitMs);
    return true;
  }

  #count(type: number, dataBytes: number): void {
    this.#sentBytes += dataBytes;
    if (needsCredit(type)) this.#credit.use(dataBytes);
  }

  #stampAndCommit(view: DataView, head: MessageHead, start: number, lengthBytes: number): void {
    view.setUint32(start + MESSAGE_OFFSET.SEQUENCE, this.#sequence, true);
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#sentCount++;
    // Before the commit: the claim's memory is the link's from then on.
    const dataBytes = view.getUint32(start + MESSAGE_OFFSET.DATA_LENGTH, true);
    this.#link.commit(lengthBytes);
    const { type } = head;
    const wantsAnswer =
      type === MESSAGE_TYPE.REQUEST || type === MESSAGE_TYPE.RANGE || type === MESSAGE_TYPE.PING;
    if (wantsAnswer) this.#host.onSent(head, dataBytes);
  }
}

/**
 * Whoever sent it has long returned: a handle that was closed too early is told like any failure.
 */
function unsendable(cause: unknown): PortError {
  const text = 'Cannot send message: what belongs to it changed while it waited for room';
  return new PortError('INVALID_MESSAGE', text, { cause });
}
