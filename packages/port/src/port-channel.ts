import {
  ATTRIBUTE,
  MESSAGE_FLAG,
  MESSAGE_TYPE,
  STATUS,
  isPortError,
  statusCodeOf,
  type MessageId,
  type PortAttributes,
  type PortError,
  type StatusCode,
} from '@portcall/wire';
import type { Link, LinkEnd, LinkHandler, PeerIdentity } from '@portcall/transport';

import type { ChannelHandler } from './channel-handler.js';
import { diagnostics } from './diagnostics.js';
import type { IncomingRequest } from './incoming-request.js';
import { violation } from './intake.js';
import { Lease } from './lease.js';
import { MESSAGE_OVERHEAD_MAX, type MessageHead } from './message-header.js';
import { trySendInline } from './mode-inline.js';
import { OpenRequests } from './open-requests.js';
import { OutgoingAttributes, type AttributeParts } from './outgoing-attributes.js';
import type { QueuedMessage } from './outgoing-queue.js';
import { Outbox, type MessageSpace, type OutboxHost } from './outbox.js';
import { PendingRequests, type ReplySink } from './pending-requests.js';
import type { PortClosed } from './port-closed.js';
import { floodWarningLimit, type RateLimit } from './rate-limit.js';
import { Receiver, type ReceiverHost } from './receiver.js';
import { lostRequest, timedOut } from './request-errors.js';

/** What a channel has done since it was made. */
export interface ChannelStatistics {
  /** Messages sent through the ring (or the stream, or the queue of another transport). */
  readonly sentInline: number;
  /** Messages sent by section. */
  readonly sentSection: number;
  /** Bytes of data sent. */
  readonly sentBytes: number;
  /** Messages received, of either mode. */
  readonly received: number;
  /** Bytes of data received. */
  readonly receivedBytes: number;
  /** Messages of this side that wait for room or credit now. */
  readonly queued: number;
  /** Messages of the peer that were not taken yet. */
  readonly untaken: number;
  /** Requests of the peer that were refused before anybody saw them. */
  readonly refused: number;
}

/** What a channel is made for. */
export interface ChannelOptions {
  /** What holds on this connection. */
  readonly attributes: PortAttributes;
  /** For messages. */
  readonly portName: string;
  /** `ATTRIBUTE` bits that the peer wants with messages. Default none. */
  readonly peerWants?: number;
  /** `ATTRIBUTE` bits that this side wants, as it told the peer. Default none. */
  readonly wants?: number;
  /** How often floods are warned of. Default: of this channel alone. */
  readonly floodWarnings?: RateLimit;
  /** First sequence numbers and ids, for tests of the wrap at 2^32. */
  readonly first?: { readonly sequence: number; readonly id: number };
}

/** How long a closing side waits for room for its last message, in milliseconds. */
const LAST_WORD_MS = 1000;

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
  readonly #outbox: Outbox;
  readonly #receiver: Receiver;
  readonly #pending: PendingRequests;
  readonly #open = new OpenRequests();
  readonly #lease: Lease | undefined;
  readonly #peerWants: number;
  readonly #takesHandles: boolean;
  #isExpired = false;
  /** How the peer broke the protocol, if this side noticed it outside of the link. */
  #violation: string | undefined;
  /** Status of the CLOSE that this side sends, once it does. */
  #ownStatus: number | undefined;
  #lastWordTimer: NodeJS.Timeout | undefined;
  #peerStatus: number | undefined;
  #closed: PortClosed | undefined;

  constructor(link: Link, options: ChannelOptions) {
    const { attributes, portName, first = { sequence: 0, id: 1 } } = options;
    this.link = link;
    this.attributes = attributes;
    this.portName = portName;
    this.#peerWants = options.peerWants ?? 0;
    this.#takesHandles = ((options.wants ?? 0) & ATTRIBUTE.HANDLE) !== 0;
    this.#outbox = new Outbox(link, attributes, this.#outboxHost(), first.sequence);
    this.inlineBytesMax = this.#outbox.inlineBytesMax;
    this.dataBytesMax = this.#outbox.dataBytesMax;
    this.#pending = new PendingRequests(
      {
        drain: () => link.drain(),
        onExpired: (id, sink, wasSent) => {
          this.#cancelAtPeer(id, wasSent);
          sink.onFailure(timedOut(this.portName, wasSent));
        },
      },
      first.id,
    );
    this.#receiver = new Receiver(this.#receiverHost(), {
      wants: options.wants ?? 0,
      floodWarnings: options.floodWarnings ?? floodWarningLimit(),
      sequence: first.sequence,
    });
    this.#lease = this.#makeLease();
  }

  /** Requests are refused with this; `undefined` while the peer may call. */
  get refusal(): StatusCode | undefined {
    return this.#receiver.refusal;
  }

  set refusal(code: StatusCode | undefined) {
    this.#receiver.refusal = code;
  }

  /** Why it closed; `undefined` while it is open. */
  get closed(): PortClosed | undefined {
    return this.#closed;
  }

  /** Counts since the channel was made. */
  get statistics(): ChannelStatistics {
    const { sent, queuedCount } = this.#outbox;
    return {
      sentInline: sent.inline,
      sentSection: sent.section,
      sentBytes: sent.bytes,
      ...this.#receiver.counts,
      queued: queuedCount,
    };
  }

  /** Requests of either side that wait for a reply. */
  get activity(): number {
    return this.#pending.count + this.#open.count;
  }

  /** Nothing is under way: no request of either side, no message that waits for room. */
  get isIdle(): boolean {
    return this.activity === 0 && this.#outbox.queuedCount === 0;
  }

  /**
   * Begins delivery. Once.
   *
   * @param takesLater the handler calls `taken` for each request and datagram; otherwise they count
   * as taken when the handler returns
   */
  start(handler: ChannelHandler, takesLater = false): void {
    this.#receiver.handler = handler;
    this.#receiver.takesLater = takesLater;
    const recordBytesMax = MESSAGE_OVERHEAD_MAX + this.attributes.maxMessageLength;
    const { maxTotalSectionSize } = this.attributes;
    const takesHandles = this.#takesHandles;
    this.link.start(this, { recordBytesMax, takesHandles, maxTotalSectionSize });
  }

  /** A request or datagram with so much data was taken: the peer may send another. */
  taken(dataBytes: number): void {
    if (this.#closed === undefined) this.#receiver.taken(dataBytes);
  }

  /**
   * Registers a request; send it with the id that comes back.
   *
   * @param deadlineMs on `performance.now()`'s clock; Infinity for none
   * @throws PortError DISCONNECTED, QUOTA_EXCEEDED
   */
  addRequest(sink: ReplySink, deadlineMs: number): MessageId {
    this.#throwIfClosed();
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
   * Gives a request up whose link has ended, for a thread that cannot wait to be told so.
   *
   * @returns the error of the request
   */
  loseRequest(id: MessageId): PortError {
    const mark = this.#pending.markOf(id);
    const closed = this.#reasonOf({ kind: this.#ownStatus === undefined ? 'ended' : 'local' });
    this.#pending.take(id);
    return lostRequest(this.portName, closed, mark !== undefined && this.#mayRun(closed, mark));
  }

  /**
   * Room to encode a message in place, or `undefined` when it must be sent by `send()`: the ring is
   * full, others wait already, or the port is closed. Then `commit` or `abort`, before anything
   * else.
   *
   * @param type of the message, one of `MESSAGE_TYPE`
   */
  claim(minBytes: number, type: number): MessageSpace | undefined {
    if (this.#closed !== undefined || this.#ownStatus !== undefined) return undefined;
    return this.#outbox.claim(minBytes, type);
  }

  /** Sends what was encoded into the claim up to `end`. */
  commit(head: MessageHead, end: number): void {
    this.#outbox.commit(head, end);
  }

  /** Gives the claim back unused. */
  abort(): void {
    this.#outbox.abort();
  }

  /**
   * The attributes of a message, those that the peer wants.
   *
   * @throws RangeError for too many or too long ones
   */
  attributesOf(parts: AttributeParts): OutgoingAttributes | undefined {
    return OutgoingAttributes.of(parts, this.#peerWants);
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
    this.sendMessage({ head, parts, totalBytes: bytesOf(parts), onSettled });
  }

  /** As `send`, with attributes or a wish for a mode. */
  sendMessage(message: QueuedMessage): void {
    this.#throwIfClosed();
    try {
      this.#outbox.send(message);
    } catch (error) {
      if (isPortError(error) && error.code === 'QUOTA_EXCEEDED') this.#tellRefused();
      throw error;
    }
  }

  /** Whether nothing of this side waits for room or credit, nor anybody who was refused. */
  get isDrained(): boolean {
    return this.#closed !== undefined || this.#outbox.isDrained;
  }

  /** Sends a message now or not at all. @throws PortError MESSAGE_TOO_LONG, DISCONNECTED */
  trySendMessage(message: QueuedMessage): boolean {
    this.#throwIfClosed();
    return this.#outbox.trySend(message);
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
    this.#sendShort(head, []);
  }

  /** Asks the peer whether it has read all that was sent before. */
  ping(onReply: () => void, onFailure: (error: PortError) => void, deadlineMs: number): MessageId {
    const id = this.addRequest({ purpose: 'ping', onReply, onFailure }, deadlineMs);
    this.send({ type: MESSAGE_TYPE.PING, messageId: id, status: 0, flags: 0 }, []);
    return id;
  }

  /** Says goodbye with a status (0: none) and ends the link; what was sent before arrives first. */
  close(status: number): void {
    if (this.#closed !== undefined || this.#ownStatus !== undefined) return;
    this.#ownStatus = status;
    if (this.#peerStatus !== undefined || this.#tryLastWord()) {
      this.link.close();
      return;
    }
    // No room for it now: a peer that reads makes some, and one that does not has had its time.
    this.#lastWordTimer = setTimeout(() => this.link.close(), LAST_WORD_MS);
  }

  onRecord(bytes: Uint8Array, view: DataView, offset: number, lengthBytes: number): void {
    if (this.#peerStatus !== undefined) throw violation('a message came after CLOSE');
    this.#receiver.onRecord(bytes, view, offset, lengthBytes);
  }

  onWritable(): void {
    if (this.#ownStatus !== undefined) {
      if (this.#tryLastWord()) this.link.close();
      return;
    }
    this.#outbox.onWritable();
  }

  runNow(): void {
    this.#receiver.handler?.runNow?.();
  }

  onEnd(end: LinkEnd): void {
    const closed = this.#reasonOf(end);
    this.#closed = closed;
    this.#lease?.stop();
    clearTimeout(this.#lastWordTimer);
    for (const message of this.#outbox.clear()) {
      message.onSettled?.(lostRequest(this.portName, closed, false));
    }
    this.#pending.takeAll((sink, wasSent, mark) => {
      const delivered = wasSent && this.#mayRun(closed, mark);
      sink.onFailure(lostRequest(this.portName, closed, delivered));
    });
    for (const request of this.#open.takeAll()) request.cancel();
    this.#tellEnd(closed);
    this.#receiver.handler?.onClosed(closed);
  }

  /**
   * Whether the peer may have taken a request that was sent, or may still do so: what is in the
   * ring can be read until the reader is gone.
   */
  #mayRun({ reason }: PortClosed, mark: number): boolean {
    const isReaderGone = reason === 'died' || reason === 'closed';
    return !isReaderGone || this.link.wasConsumed(mark);
  }

  /** Sends what the peer must have, and what is never long. */
  #sendShort(head: MessageHead, parts: readonly Uint8Array[]): void {
    try {
      this.send(head, parts);
    } catch (error) {
      if (!isPortError(error)) throw error;
      // Closed: nobody waits. Or the peer asks and asks and reads nothing: that is its end.
      if (error.code !== 'PROTOCOL_ERROR') return;
      this.#violation = error.message;
      this.link.close();
    }
  }

  #cancelAtPeer(id: MessageId, wasSent: boolean): void {
    if (wasSent) {
      this.#sendShort({ type: MESSAGE_TYPE.CANCEL, messageId: id, status: 0, flags: 0 }, []);
    } else {
      const { REQUEST, RANGE, PING } = MESSAGE_TYPE;
      for (const type of [REQUEST, RANGE, PING]) this.#outbox.remove(id, type);
    }
  }

  #onUnsendable(message: QueuedMessage, error: PortError): void {
    message.onSettled?.(error);
    const { type, messageId } = message.head;
    if (type === MESSAGE_TYPE.REPLY) this.failRequest(messageId as MessageId, error.code, 'yes');
    else if (messageId !== 0) this.#pending.take(messageId)?.onFailure(error);
  }

  #throwIfClosed(): void {
    const closed = this.#closed ?? (this.#ownStatus === undefined ? undefined : LOCAL);
    if (closed !== undefined) throw lostRequest(this.portName, closed, false);
  }

  /** @returns whether the CLOSE was sent */
  #tryLastWord(): boolean {
    const head = { type: MESSAGE_TYPE.CLOSE, messageId: 0, status: this.#ownStatus ?? 0, flags: 0 };
    return trySendInline(this.link, { head, parts: [], totalBytes: 0 }, this.#outbox.stamp);
  }

  #reasonOf(end: LinkEnd): PortClosed {
    if (this.#isExpired) return { reason: 'unresponsive' };
    if (this.#violation !== undefined) return { reason: 'violation', text: this.#violation };
    if (this.#peerStatus !== undefined) {
      return { reason: 'closed', status: statusCodeOf(this.#peerStatus) };
    }
    if (end.kind === 'violation') return { reason: 'violation', text: end.text };
    if (end.kind !== 'local') return { reason: 'died' };
    const status = statusCodeOf(this.#ownStatus ?? 0);
    return status === undefined ? LOCAL : { reason: 'local', status };
  }

  /** What every diagnostics message begins with. */
  get #subject(): { readonly portName: string; readonly peer: PeerIdentity | undefined } {
    return { portName: this.portName, peer: this.link.peer };
  }

  #tellRefused(): void {
    if (!diagnostics.quota.hasSubscribers) return;
    const { queuedCount: messages, queuedBytes: bytes } = this.#outbox;
    diagnostics.quota.publish({ ...this.#subject, what: 'refused', messages, bytes });
  }

  #tellEnd(closed: PortClosed): void {
    if (closed.reason === 'violation' && diagnostics.protocolError.hasSubscribers) {
      diagnostics.protocolError.publish({ ...this.#subject, text: closed.text });
    }
    if (diagnostics.death.hasSubscribers) {
      diagnostics.death.publish({ ...this.#subject, closed });
    }
  }

  #outboxHost(): OutboxHost {
    return {
      portName: this.portName,
      onSent: ({ type, messageId }, bytes) => {
        this.#pending.markSent(messageId, this.link.mark());
        this.#lease?.begin();
        if (type === MESSAGE_TYPE.REQUEST && diagnostics.request.hasSubscribers) {
          diagnostics.request.publish({ ...this.#subject, messageId, bytes, role: 'client' });
        }
      },
      onUnsendable: (message, error) => this.#onUnsendable(message, error),
      onRoom: () => this.#receiver.onRoom(),
      onDrained: () => this.#receiver.handler?.onDrained?.(),
    };
  }

  #receiverHost(): ReceiverHost {
    const { link, portName, attributes, dataBytesMax } = this;
    return {
      link,
      portName,
      attributes,
      dataBytesMax,
      pending: this.#pending,
      open: this.#open,
      outbox: this.#outbox,
      subject: this.#subject,
      send: (head, parts) => this.send(head, parts),
      sendShort: (head, parts) => this.#sendShort(head, parts),
      failRequest: (id, code, executed) => this.failRequest(id, code, executed),
      close: (status) => this.close(status),
      onPeerClose: (status) => {
        this.#peerStatus = status;
        // Nothing may follow; what we had sent is the peer's, and it has gone.
        link.close(true);
      },
    };
  }

  #makeLease(): Lease | undefined {
    const peerPid = this.link.peer?.pid;
    // Where nobody can tell whether the peer works, silence proves nothing.
    if (peerPid === undefined) return undefined;
    return new Lease(
      {
        peerPid,
        isWaiting: () => this.#pending.count > 0,
        receivedCount: () => this.#receiver.count,
        ping: () => this.#pingForLease(),
        onExpired: () => {
          this.#isExpired = true;
          this.link.close();
        },
      },
      this.attributes.leaseMs,
    );
  }

  #pingForLease(): void {
    const ignore = (): void => undefined;
    try {
      // Not for ever: a peer that computes for hours must not be owed hundreds of them.
      const deadlineMs = performance.now() + this.attributes.leaseMs;
      this.ping(ignore, ignore, deadlineMs);
    } catch (error) {
      if (!isPortError(error)) throw error; // Closed or full: then silence alone has to tell.
    }
  }
}

const LOCAL: PortClosed = { reason: 'local' };

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
