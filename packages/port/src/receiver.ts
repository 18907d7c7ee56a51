import {
  CALLBACK_DEPTH_MAX,
  CREDIT_DATA_BYTES,
  MESSAGE_FLAG,
  MESSAGE_TYPE,
  PENDING_REQUESTS_MAX,
  STATUS,
  isPortError,
  statusCodeOf,
  type MessageId,
  type PortAttributes,
  type PortError,
  type StatusCode,
} from '@portcall/wire';
import type { Link, PeerIdentity } from '@portcall/transport';

import type { ChannelHandler } from './channel-handler.js';
import { closeDescriptors } from './close-descriptors.js';
import { ReceiveCredit } from './credit.js';
import { diagnostics } from './diagnostics.js';
import { IncomingRequest } from './incoming-request.js';
import { Intake, violation } from './intake.js';
import type { MessageData } from './message-data.js';
import type { MessageHead } from './message-header.js';
import type { OpenRequests } from './open-requests.js';
import type { Outbox } from './outbox.js';
import type { PendingRequests, ReplySink } from './pending-requests.js';
import { answerRange } from './range-answer.js';
import type { RateLimit } from './rate-limit.js';
import { canceled, failureOfReply } from './request-errors.js';

/** What a receiver needs of its channel. */
export interface ReceiverHost {
  readonly link: Link;
  readonly portName: string;
  readonly attributes: PortAttributes;
  readonly dataBytesMax: number;
  readonly pending: PendingRequests;
  readonly open: OpenRequests;
  readonly outbox: Outbox;
  /** What every diagnostics message begins with. */
  readonly subject: { readonly portName: string; readonly peer: PeerIdentity | undefined };
  send(head: MessageHead, parts: readonly Uint8Array[]): void;
  /** Sends what the peer must have and what is never long. Never throws. */
  sendShort(head: MessageHead, parts: readonly Uint8Array[]): void;
  failRequest(id: MessageId, code: StatusCode, executed: 'yes' | 'no' | undefined): void;
  close(status: number): void;
  /** The peer has said its last word. */
  onPeerClose(status: number): void;
}

/** Where a receiver begins. */
export interface ReceiverStart {
  /** `ATTRIBUTE` bits that this side wants. */
  readonly wants: number;
  readonly floodWarnings: RateLimit;
  /** Sequence of the first message: 0 but in tests of the wrap at 2^32. */
  readonly sequence: number;
}

/** What a channel does with each kind of message that the peer sends. */
export class Receiver {
  /** Gets requests and datagrams, once it is there. */
  handler: ChannelHandler | undefined;
  /** The handler says when it has taken a message; else it has when it returns. */
  takesLater = false;
  /** Requests are refused with this; `undefined` while the peer may call. */
  refusal: StatusCode | undefined;
  readonly #host: ReceiverHost;
  readonly #intake: Intake;
  readonly #credit: ReceiveCredit;
  readonly #floodWarnings: RateLimit;
  #refusedCount = 0;
  #creditIsDue = false;

  constructor(host: ReceiverHost, start: ReceiverStart) {
    const { maxMessageLength, inlineLimit, maxSectionSize, dupObjectTypes } = host.attributes;
    const limits = {
      inlineBytesMax: Math.min(
        maxMessageLength,
        host.link.sections === undefined ? Infinity : inlineLimit,
      ),
      sectionBytesMax: Math.min(maxMessageLength, maxSectionSize),
      dupObjectTypes,
      wants: start.wants,
    };
    this.#host = host;
    this.#intake = new Intake(host.link, limits, start.sequence);
    this.#credit = new ReceiveCredit(host.attributes);
    this.#floodWarnings = start.floodWarnings;
  }

  /** Counts so far; `untaken` is of now. */
  get counts(): {
    readonly received: number;
    readonly receivedBytes: number;
    readonly untaken: number;
    readonly refused: number;
  } {
    return {
      received: this.#intake.count,
      receivedBytes: this.#intake.dataBytes,
      untaken: this.#credit.messages,
      refused: this.#refusedCount,
    };
  }

  /** Messages received so far. */
  get count(): number {
    return this.#intake.count;
  }

  /** A request or datagram with so much data was taken: the peer may send another. */
  taken(dataBytes: number): void {
    if (this.#credit.onTaken(dataBytes)) this.#sendCredit();
  }

  /** There may be room again for what could not be sent. */
  onRoom(): void {
    if (this.#creditIsDue) this.#sendCredit();
  }

  /** Takes a record of the link. @throws PortError PROTOCOL_ERROR */
  onRecord(bytes: Uint8Array, view: DataView, offset: number, lengthBytes: number): void {
    this.#intake.read(bytes, view, offset, lengthBytes);
    try {
      this.#take();
    } catch (error) {
      // This process has no descriptor left: no fault of the peer, who is told.
      if (!isPortError(error) || error.code !== 'QUOTA_EXCEEDED') throw error;
      this.#cannotTake(error);
    }
  }

  #take(): void {
    const { header } = this.#intake;
    const { type, messageId } = header;
    switch (type) {
      case MESSAGE_TYPE.REQUEST:
        this.#onRequest();
        return;
      case MESSAGE_TYPE.REPLY:
        this.#onReply(this.#intake.data());
        return;
      case MESSAGE_TYPE.DATAGRAM:
        this.#onDatagram();
        return;
      case MESSAGE_TYPE.CANCEL:
        this.#onCancel(messageId);
        return;
      case MESSAGE_TYPE.CREDIT:
        this.#onCredit(this.#intake.data());
        return;
      case MESSAGE_TYPE.RANGE:
        this.#onRange(this.#intake.data());
        return;
      case MESSAGE_TYPE.PING:
        this.#host.sendShort({ type: MESSAGE_TYPE.PONG, messageId, status: 0, flags: 0 }, []);
        return;
      case MESSAGE_TYPE.PONG:
        if (this.#host.pending.get(messageId)?.purpose !== 'ping') return;
        this.#host.pending.take(messageId)?.onReply(this.#intake.data());
        return;
      default:
        this.#host.onPeerClose(header.status);
    }
  }

  /** What a message names beside its data, or its data, did not find its way here. */
  #cannotTake(error: PortError): void {
    const { type, messageId } = this.#intake.header;
    const id = messageId as MessageId;
    if (type === MESSAGE_TYPE.REQUEST) this.#refuse(id, error.code, error.message);
    else if (type === MESSAGE_TYPE.RANGE) this.#host.failRequest(id, error.code, 'no');
    else if (type === MESSAGE_TYPE.REPLY) this.#host.pending.take(id)?.onFailure(error);
    else this.#host.close(STATUS[error.code].id);
  }

  #onRequest(): void {
    const intake = this.#intake;
    const { messageId, callbackId, dataLength, attributeMask, sequence } = intake.header;
    const id = messageId as MessageId;
    this.#arrived();
    const defect = intake.defect();
    if (defect !== undefined) {
      intake.discardSection();
      this.#refuse(id, defect.code, defect.text);
      return;
    }
    const data = intake.data();
    const extras = attributeMask === 0 ? sequence : intake.extras();
    if (extras === undefined) {
      this.#refuse(id, 'INVALID_MESSAGE', 'Cannot take message: its attributes are malformed');
      return;
    }
    const sink = callbackId === 0 ? undefined : this.#requestOf(callbackId);
    const request = new IncomingRequest(id, extras, sink);
    const code = this.#mayNot(request, callbackId);
    if (code !== undefined) {
      closeDescriptors(request.extras.handles);
      this.#refuse(id, code, `Cannot take message: ${code}`);
      return;
    }
    const { open } = this.#host;
    if (open.count >= PENDING_REQUESTS_MAX || !open.add(request)) {
      closeDescriptors(request.extras.handles);
      throw violation(`request id ${id} is outstanding already, or one too many is`);
    }
    this.handler?.onRequest(request, data);
    if (!this.takesLater) this.taken(dataLength);
  }

  /** A REQUEST of ours that waits: what callbacks and ranges can belong to. */
  #requestOf(id: number): ReplySink | undefined {
    const sink = this.#host.pending.get(id);
    return sink?.purpose === undefined ? sink : undefined;
  }

  /** Why nobody is to see this request; `undefined` when somebody is. */
  #mayNot(request: IncomingRequest, callbackId: number): StatusCode | undefined {
    if (callbackId === 0) return this.refusal;
    if (request.callbackOf === undefined) return 'CANCELED';
    return request.depth > CALLBACK_DEPTH_MAX ? 'QUOTA_EXCEEDED' : undefined;
  }

  #onDatagram(): void {
    const intake = this.#intake;
    const { dataLength } = intake.header;
    this.#arrived();
    const defect = intake.defect();
    if (defect !== undefined) throw violation(defect.text);
    const data = intake.data();
    const extras = intake.extras();
    if (extras === undefined) throw violation('its attributes are malformed');
    if (this.refusal !== undefined) {
      closeDescriptors(extras.handles);
      this.#refusedCount++;
      this.#host.close(STATUS[this.refusal].id);
      return;
    }
    this.handler?.onDatagram(data, extras);
    if (!this.takesLater) this.taken(dataLength);
  }

  #onReply(data: MessageData): void {
    const { messageId, status, flags } = this.#intake.header;
    const sink = this.#host.pending.takeReplied(messageId);
    // The answer to a request that was cancelled or timed out: nobody waits, nothing to do.
    if (sink === undefined) return;
    if (diagnostics.reply.hasSubscribers) {
      const code = status === 0 ? undefined : statusCodeOf(status);
      const bytes = data.lengthBytes;
      diagnostics.reply.publish({ ...this.#host.subject, messageId, bytes, code, role: 'client' });
    }
    if (status === 0) sink.onReply(data);
    else sink.onFailure(failureOfReply(this.#host.portName, { status, flags, data }));
  }

  #onCancel(messageId: number): void {
    // An answer that has found no room yet is of no use any more.
    const unsent = this.#host.outbox.remove(messageId, MESSAGE_TYPE.REPLY);
    unsent?.onSettled?.(canceled(this.#host.portName, false, undefined));
    const request = this.#host.open.find(messageId);
    if (request === undefined) return;
    this.#host.open.remove(request);
    request.cancel();
  }

  #onCredit(data: MessageData): void {
    const { view, offset, lengthBytes } = data;
    if (lengthBytes !== CREDIT_DATA_BYTES) throw violation(`its credit has ${lengthBytes} bytes`);
    this.#host.outbox.onCredit({
      messages: view.getUint32(offset, true),
      bytes: view.getUint32(offset + 4, true),
    });
  }

  #onRange(data: MessageData): void {
    const { messageId, callbackId } = this.#intake.header;
    const { code, bytes } = answerRange(this.#requestOf(callbackId), data, this.#host.dataBytesMax);
    if (code !== undefined) {
      this.#host.failRequest(messageId as MessageId, code, 'no');
      return;
    }
    const head = { type: MESSAGE_TYPE.REPLY, messageId, status: 0, flags: 0 };
    try {
      this.#host.send(head, bytes === undefined ? [] : [bytes]);
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#host.failRequest(messageId as MessageId, error.code, 'no');
    }
  }

  /** A message that needs credit has arrived. */
  #arrived(): void {
    const { dataLength, messageId, type } = this.#intake.header;
    const isFlood = this.#credit.onArrived(dataLength);
    if (isFlood) this.#tellFlood();
    if (type === MESSAGE_TYPE.REQUEST && diagnostics.request.hasSubscribers) {
      const bytes = dataLength;
      diagnostics.request.publish({ ...this.#host.subject, messageId, bytes, role: 'server' });
    }
  }

  #refuse(messageId: MessageId, code: StatusCode, text: string): void {
    this.#refusedCount++;
    const flags = MESSAGE_FLAG.EXECUTED_NO;
    const head = { type: MESSAGE_TYPE.REPLY, messageId, status: STATUS[code].id, flags };
    this.#host.sendShort(head, [Buffer.from(text).subarray(0, this.#host.dataBytesMax)]);
    this.taken(this.#intake.header.dataLength);
  }

  #sendCredit(): void {
    const { messages, bytes } = this.#credit.totals;
    const data = new Uint8Array(CREDIT_DATA_BYTES);
    const view = new DataView(data.buffer);
    view.setUint32(0, messages, true);
    view.setUint32(4, bytes, true);
    const head = { type: MESSAGE_TYPE.CREDIT, messageId: 0, status: 0, flags: 0 };
    const message = { head, parts: [data], totalBytes: data.length, onSettled: undefined };
    // Never queued: when there is room, the totals of that moment go.
    this.#creditIsDue = !this.#host.outbox.trySend(message);
    if (!this.#creditIsDue) this.#credit.onTold();
  }

  #tellFlood(): void {
    const { messages, bytes } = this.#credit;
    if (diagnostics.quota.hasSubscribers) {
      diagnostics.quota.publish({ ...this.#host.subject, what: 'flood', messages, bytes });
    }
    if (!this.#floodWarnings.tryPass(performance.now())) return;
    const { portName, attributes, link } = this.#host;
    const from = link.peer === undefined ? 'a client' : `process ${link.peer.pid}`;
    process.emitWarning(
      `Port "${portName}" is flooded: ${from} has ${messages} messages with ${bytes} bytes ` +
        `waiting; its limits are ${attributes.maxQueuedMessages} messages and ` +
        `${attributes.maxPoolUsage} bytes`,
      'PortcallFloodWarning',
    );
  }
}
