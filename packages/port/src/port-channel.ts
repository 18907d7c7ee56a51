import {
  MESSAGE_FLAG,
  MESSAGE_MODE,
  MESSAGE_OFFSET,
  MESSAGE_TYPE,
  PortError,
  STATUS,
  isPortError,
  statusCodeOf,
  type MessageId,
  type PortAttributes,
  type StatusCode,
} from '@portcall/wire';
import type { Link, LinkEnd, LinkHandler } from '@portcall/transport';

import { IncomingRequest } from './incoming-request.js';
import type { MessageData } from './message-data.js';
import {
  INLINE_OVERHEAD_BYTES,
  SECTION_MESSAGE_BYTES,
  emptyHeader,
  readMessageHeader,
  writeInlineHeader,
  type MessageHead,
} from './message-header.js';
import { trySendInline } from './mode-inline.js';
import { trySendSection } from './mode-section.js';
import { OpenRequests } from './open-requests.js';
import { OutgoingQueue, type QueuedMessage } from './outgoing-queue.js';
import { PendingRequests, type ReplySink } from './pending-requests.js';
import type { PortClosed } from './port-closed.js';
import { failureOfReply, lostRequest, messageTooLong, timedOut } from './request-errors.js';

/** Who gets what the peer sends. Nothing here may throw. */
export interface ChannelHandler {
  /** A request: answer it once. `data` is borrowed. */
  onRequest(request: IncomingRequest, data: MessageData): void;
  /** A datagram. `data` is borrowed. */
  onDatagram(data: MessageData): void;
  /** The last call of all. */
  onClosed(closed: PortClosed): void;
}

/** Room for a message's data in memory that goes out as it is. */
export interface MessageSpace {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First byte of the data. */
  readonly offset: number;
  /** End of the room. */
  readonly limit: number;
}

/** What a channel has done since it was made. */
export interface ChannelStatistics {
  /** Messages sent through the ring (or the stream, or the queue of another transport). */
  readonly sentInline: number;
  /** Messages sent by section. */
  readonly sentSection: number;
  /** Messages received, of either mode. */
  readonly received: number;
}

/** What a channel is made for. */
export interface ChannelOptions {
  /** What holds on this connection. */
  readonly attributes: PortAttributes;
  /** For messages. */
  readonly portName: string;
}

/** Room asked for when a sender does not know the length yet. */
const CLAIM_BYTES_MIN = 256;

class BorrowedData implements MessageData {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  offset = 0;
  lengthBytes = 0;
  isPrivate = false;
}

/**
 * Messages over a link: ids, replies, limits, order. One FIFO in each direction, whatever the mode.
 *
 * This is the port for libraries: rpc encodes straight into `claim()`. Programs use
 * `CommunicationPort`.
 */
export class PortChannel implements LinkHandler {
  /** What carries it; the channel's own. */
  readonly link: Link;
  /** The limits that hold on this connection. */
  readonly attributes: PortAttributes;
  /** Name of the port, for messages. */
  readonly portName: string;
  /** Largest data that goes through the ring. */
  readonly inlineBytesMax: number;
  /** Largest data of one message. */
  readonly dataBytesMax: number;
  readonly #pending: PendingRequests;
  readonly #open = new OpenRequests();
  readonly #queue: OutgoingQueue;
  readonly #header = emptyHeader();
  readonly #data = new BorrowedData();
  readonly #space = { bytes: this.#data.bytes, view: this.#data.view, offset: 0, limit: 0 };
  #handler: ChannelHandler | undefined;
  #sendSequence = 0;
  #receiveSequence = 0;
  #sentCount = 0;
  #sentSection = 0;
  #receivedCount = 0;
  #closeStatus: number | undefined;
  #closed: PortClosed | undefined;

  constructor(link: Link, options: ChannelOptions) {
    const { attributes } = options;
    this.link = link;
    this.attributes = attributes;
    this.portName = options.portName;
    const inlineLimit = link.sections === undefined ? Infinity : attributes.inlineLimit;
    this.inlineBytesMax = Math.min(inlineLimit, link.recordBytesMax - INLINE_OVERHEAD_BYTES);
    const sectionBytesMax = link.sections?.sectionBytesMax ?? 0;
    this.dataBytesMax = Math.min(
      attributes.maxMessageLength,
      Math.max(this.inlineBytesMax, sectionBytesMax),
    );
    this.#queue = new OutgoingQueue(attributes);
    this.#pending = new PendingRequests({
      drain: () => link.drain(),
      onExpired: (id, sink, wasSent) => {
        this.#cancelAtPeer(id, wasSent);
        sink.onFailure(timedOut(this.portName, wasSent));
      },
    });
  }

  /** Why it closed; `undefined` while it is open. */
  get closed(): PortClosed | undefined {
    return this.#closed;
  }

  /** Counts since the channel was made. */
  get statistics(): ChannelStatistics {
    const sentInline = this.#sentCount - this.#sentSection;
    return { sentInline, sentSection: this.#sentSection, received: this.#receivedCount };
  }

  /** Requests of either side that wait for a reply. */
  get activity(): number {
    return this.#pending.count + this.#open.count;
  }

  /** Nothing is under way: no request of either side, no message that waits for room. */
  get isIdle(): boolean {
    return this.activity === 0 && this.#queue.isEmpty;
  }

  /** Begins delivery. Once. */
  start(handler: ChannelHandler): void {
    this.#handler = handler;
    const recordBytesMax = SECTION_MESSAGE_BYTES + this.attributes.maxMessageLength;
    this.link.start(this, { recordBytesMax });
  }

  /**
   * Registers a request; send it with the id that comes back.
   *
   * @param deadlineMs on `performance.now()`'s clock; Infinity for none
   * @throws PortError DISCONNECTED, QUOTA_EXCEEDED
   */
  addRequest(sink: ReplySink, deadlineMs: number): MessageId {
    if (this.#closed !== undefined) throw lostRequest(this.portName, this.#closed, false);
    return this.#pending.add(sink, deadlineMs);
  }

  /**
   * Nobody waits for this request any more: it is taken out of the queue, or the peer is told.
   *
   * @returns whether it had been sent; `undefined` when it was settled already
   */
  abandonRequest(id: MessageId): boolean | undefined {
    const wasSent = this.#pending.isSent(id);
    if (this.#pending.take(id) === undefined) return undefined;
    this.#cancelAtPeer(id, wasSent);
    return wasSent;
  }

  /**
   * Room to encode a message in place, or `undefined` when it must be sent by `send()`: the ring is
   * full, others wait already, or the port is closed. Then `commit` or `abort`, before anything
   * else.
   */
  claim(minBytes: number): MessageSpace | undefined {
    if (this.#closed !== undefined || !this.#queue.isEmpty) return undefined;
    const wanted = Math.min(Math.max(minBytes, CLAIM_BYTES_MIN), this.inlineBytesMax);
    const claim = this.link.tryClaim(INLINE_OVERHEAD_BYTES + wanted);
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

  /** Sends what was encoded into the claim up to `end`. */
  commit(head: MessageHead, end: number): void {
    const { view, offset } = this.#space;
    const start = offset - INLINE_OVERHEAD_BYTES;
    writeInlineHeader(view, head, start, end - offset);
    this.#stampAndCommit(view, head, start, end - start);
  }

  /** Gives the claim back unused. */
  abort(): void {
    this.link.abort();
  }

  /**
   * Sends a message whose length is known, in the mode that suits it; queues it when there is no
   * room. The parts must not change until it is sent.
   *
   * @param onSettled called once, maybe before this returns, with the error if it cannot be sent
   * @throws PortError MESSAGE_TOO_LONG, QUOTA_EXCEEDED, DISCONNECTED
   */
  send(
    head: MessageHead,
    parts: readonly Uint8Array[],
    onSettled?: (error?: PortError) => void,
  ): void {
    if (this.#closed !== undefined) throw lostRequest(this.portName, this.#closed, false);
    const totalBytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (totalBytes > this.dataBytesMax) throw messageTooLong(this, totalBytes);
    const message: QueuedMessage = { head, parts, totalBytes, onSettled };
    if (this.#queue.isEmpty && this.#trySend(message)) {
      onSettled?.();
      return;
    }
    // The link may have ended just now; then there is nobody to queue for.
    this.#queue.push(message);
  }

  /**
   * Takes a request out of the open ones, to reply to it.
   *
   * @returns false when it has a reply already, or nobody waits for one
   */
  settle(request: IncomingRequest): boolean {
    if (request.isSettled) return false;
    request.isSettled = true;
    request.onCancel = undefined;
    this.#open.remove(request);
    return true;
  }

  /**
   * Answers a settled request with a status and no data. Never throws: this is the last resort.
   *
   * @param executed whether the handler ran, for certain; `undefined` for the status' own default
   */
  failRequest(id: MessageId, code: StatusCode, executed: 'yes' | 'no' | undefined): void {
    const flags = { yes: MESSAGE_FLAG.EXECUTED_YES, no: MESSAGE_FLAG.EXECUTED_NO };
    const head = {
      type: MESSAGE_TYPE.REPLY,
      messageId: id,
      status: STATUS[code].id,
      flags: executed === undefined ? 0 : flags[executed],
    };
    try {
      this.send(head, []);
    } catch (error) {
      if (!isPortError(error)) throw error; // Closed: nobody waits. A reply this short is queued.
    }
  }

  /** Says goodbye with a status (0: none) and ends the link; what was sent before arrives first. */
  close(status: number): void {
    if (this.#closed !== undefined || this.#closeStatus !== undefined) return;
    const head = { type: MESSAGE_TYPE.CLOSE, messageId: 0, status, flags: 0 };
    trySendInline(this.link, { head, parts: [], totalBytes: 0 }, this.#stamp);
    this.link.close();
  }

  onRecord(bytes: Uint8Array, view: DataView, offset: number, lengthBytes: number): void {
    const header = this.#header;
    readMessageHeader(header, view, offset, lengthBytes);
    if (header.sequence !== this.#receiveSequence) {
      throw violation(`sequence is ${header.sequence}, wanted ${this.#receiveSequence}`);
    }
    this.#receiveSequence = (this.#receiveSequence + 1) >>> 0;
    this.#receivedCount++;
    if (this.#closeStatus !== undefined) throw violation('a message came after CLOSE');
    if (header.dataLength > this.dataBytesMax) {
      throw violation(`data is ${header.dataLength} bytes, limit is ${this.dataBytesMax} bytes`);
    }
    const data = this.#data;
    data.bytes = bytes;
    data.view = view;
    data.offset = header.dataOffset;
    data.lengthBytes = header.dataLength;
    data.isPrivate = false;
    if (header.mode === MESSAGE_MODE.SECTION) this.#takeSection(data);
    this.#dispatch(data);
  }

  onWritable(): void {
    for (let message = this.#queue.peek(); message !== undefined; message = this.#queue.peek()) {
      try {
        if (!this.#trySend(message)) return;
        this.#queue.shift();
        message.onSettled?.();
      } catch (error) {
        if (!isPortError(error)) throw error;
        this.#queue.shift();
        this.#failUnsent(message, error);
      }
    }
  }

  onEnd(end: LinkEnd): void {
    const closed = this.#reasonOf(end);
    this.#closed = closed;
    for (const message of this.#queue.clear()) {
      message.onSettled?.(lostRequest(this.portName, closed, false));
    }
    this.#pending.takeAll((sink, wasSent, mark) => {
      const delivered = wasSent && this.link.wasConsumed(mark);
      sink.onFailure(lostRequest(this.portName, closed, delivered));
    });
    for (const request of this.#open.takeAll()) cancel(request);
    this.#handler?.onClosed(closed);
  }

  #dispatch(data: MessageData): void {
    const header = this.#header;
    switch (header.type) {
      case MESSAGE_TYPE.REQUEST:
        this.#onRequest(data);
        return;
      case MESSAGE_TYPE.REPLY:
        this.#onReply(data);
        return;
      case MESSAGE_TYPE.DATAGRAM:
        this.#handler?.onDatagram(data);
        return;
      case MESSAGE_TYPE.CANCEL: {
        const request = this.#open.find(header.messageId);
        if (request !== undefined) this.#onCancel(request);
        return;
      }
      default:
        this.#closeStatus = header.status;
        // Nothing may follow; what we had sent is the peer's, and it has gone.
        this.link.close();
    }
  }

  #onRequest(data: MessageData): void {
    const request = new IncomingRequest(this.#header.messageId as MessageId);
    if (request.id === 0 || !this.#open.add(request)) {
      throw violation(`request id ${request.id} is 0 or outstanding already`);
    }
    this.#handler?.onRequest(request, data);
  }

  #onReply(data: MessageData): void {
    const { messageId, status, flags } = this.#header;
    const sink = this.#pending.take(messageId);
    // The answer to a request that was cancelled or timed out: nobody waits, nothing to do.
    if (sink === undefined) return;
    if (status === 0) sink.onReply(data);
    else sink.onFailure(failureOfReply(this.portName, { status, flags, data }));
  }

  #onCancel(request: IncomingRequest): void {
    this.#open.remove(request);
    cancel(request);
  }

  #takeSection(data: BorrowedData): void {
    const { sections } = this.link;
    if (sections === undefined) throw violation('section mode was not agreed on');
    const { sectionId, dataLength } = this.#header;
    data.bytes = sections.take({ sectionId, lengthBytes: dataLength });
    data.view = new DataView(data.bytes.buffer, data.bytes.byteOffset, data.bytes.byteLength);
    data.offset = 0;
    data.isPrivate = true;
  }

  #trySend(message: QueuedMessage): boolean {
    if (message.totalBytes <= this.inlineBytesMax) {
      return trySendInline(this.link, message, this.#stamp);
    }
    const sent = trySendSection(this.link, message, this.#stamp);
    if (sent) this.#sentSection++;
    return sent;
  }

  readonly #stamp = (view: DataView, head: MessageHead, start: number, length: number): void =>
    this.#stampAndCommit(view, head, start, length);

  #stampAndCommit(view: DataView, head: MessageHead, start: number, lengthBytes: number): void {
    view.setUint32(start + MESSAGE_OFFSET.SEQUENCE, this.#sendSequence, true);
    this.#sendSequence = (this.#sendSequence + 1) >>> 0;
    this.#sentCount++;
    this.link.commit(lengthBytes);
    if (head.type === MESSAGE_TYPE.REQUEST) {
      this.#pending.markSent(head.messageId, this.link.mark());
    }
  }

  #cancelAtPeer(id: MessageId, wasSent: boolean): void {
    if (!wasSent) {
      this.#queue.removeRequest(id, MESSAGE_TYPE.REQUEST);
      return;
    }
    const head = { type: MESSAGE_TYPE.CANCEL, messageId: id, status: 0, flags: 0 };
    try {
      this.send(head, []);
    } catch (error) {
      // Closed, or so full that even this finds no place: the reply, if any, will be ignored.
      if (!isPortError(error)) throw error;
    }
  }

  #failUnsent(message: QueuedMessage, error: PortError): void {
    message.onSettled?.(error);
    const { type, messageId } = message.head;
    if (type === MESSAGE_TYPE.REQUEST) this.#pending.take(messageId)?.onFailure(error);
    if (type === MESSAGE_TYPE.REPLY) this.failRequest(messageId as MessageId, error.code, 'yes');
  }

  #reasonOf(end: LinkEnd): PortClosed {
    if (this.#closeStatus !== undefined) {
      return { reason: 'closed', status: statusCodeOf(this.#closeStatus) };
    }
    if (end.kind === 'violation') return { reason: 'violation', text: end.text };
    return { reason: end.kind === 'local' ? 'local' : 'died' };
  }
}

function cancel(request: IncomingRequest): void {
  request.isSettled = true;
  const { onCancel } = request;
  request.onCancel = undefined;
  onCancel?.();
}

function violation(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot take message: ${text}`);
}
