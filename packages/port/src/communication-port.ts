import { isMainThread } from 'node:worker_threads';

import {
  MESSAGE_TYPE,
  PENDING_REQUESTS_MAX,
  isPortError,
  type PortAttributes,
} from '@portcall/wire';
import type { PeerIdentity, TransportCapabilities } from '@portcall/transport';

import type { ChannelHandler } from './channel-handler.js';
import type { FairInbox, FairSource } from './fair-inbox.js';
import { flush } from './flush.js';
import type { IncomingExtras, IncomingRequest } from './incoming-request.js';
import { Receivers, type MessageQueue } from './inbox.js';
import type { AttributeName } from './message-attributes.js';
import { ownData, type MessageData } from './message-data.js';
import type { ChannelStatistics, PortChannel } from './port-channel.js';
import type { PortClosed } from './port-closed.js';
import type {
  CloseOptions,
  MessageHandler,
  MessageKind,
  PortEnd,
  PortMessage,
  ReceiveOptions,
  RequestOptions,
  SendOptions,
  SendWaitReceive,
  SentAndReceived,
  SyncRequestOptions,
} from './port-end.js';
import { IncomingMessage, type MessageSource } from './port-message.js';
import { DRAIN_MS } from './port-options.js';
import { PortRequest, messageOf } from './port-request.js';
import type { SecurityContext } from './security-context.js';
import { sendBatch } from './send-batch.js';
import { sendWaitReceive } from './send-wait-receive.js';
import { requestSync, type SyncHost } from './sync-request.js';

/** What a communication port is made of. */
export interface CommunicationPortParts {
  readonly channel: PortChannel;
  /** What the other side said at connect or accept. */
  readonly info: Uint8Array;
  /** What the server attached in `accept`; `undefined` on the client. */
  readonly context: unknown;
  /** Who the peer is. */
  readonly security: SecurityContext;
  /** The kernel is to vouch for this side with each message. */
  readonly isTracked: boolean;
  /** A thread of the server serves this connection alone. */
  readonly isQuick?: boolean;
  /** Attributes that this side asked for. */
  readonly wants: readonly AttributeName[];
  /** Without one, messages wait until they are received. */
  readonly onMessage: MessageHandler | undefined;
  /** Where messages wait together with those of other connections; else they wait in the port. */
  readonly inbox: SharedInbox | undefined;
  readonly onDrain: (() => void) | undefined;
  readonly onClosed: ((port: CommunicationPort, closed: PortClosed) => void) | undefined;
  /** The connection has ended, and nothing of it waits to be received. */
  readonly onGone?: (() => void) | undefined;
}

/** Where the messages of several connections wait. */
export interface SharedInbox {
  readonly queue: FairInbox;
  /** Hands them out to those who wait. */
  wake(): void;
  /** Whether anybody has ever received from it. */
  isReceived(): boolean;
}

/** How often a draining port looks whether its calls are done. */
const DRAIN_POLL_MS = 5;

interface Waiting {
  readonly message: IncomingMessage;
  /** Handles this message alone: the callback handler of a request. */
  readonly handler: MessageHandler | undefined;
  readonly request: IncomingRequest | undefined;
}

/**
 * One end of a connection: the unnamed port that connect and accept yield.
 *
 * *Thread*: the one that made it. *Owner*: whoever got it; `close()` or `await using` ends it. An
 * open port keeps the process alive until `unref()`.
 */
export class CommunicationPort implements PortEnd, MessageQueue, FairSource {
  readonly info: Uint8Array;
  readonly context: unknown;
  readonly security: SecurityContext;
  readonly closed: Promise<PortClosed>;
  readonly #parts: CommunicationPortParts;
  readonly #channel: PortChannel;
  readonly #source: MessageSource;
  readonly #receivers: Receivers;
  /** Messages in order, for the handler or for whoever receives. */
  readonly #waiting: Waiting[] = [];
  /** Callbacks that a request has a handler of its own for: nobody else may get them. */
  readonly #callbacks: Waiting[] = [];
  /** Requests whose handlers have not returned, cancelled ones too. */
  #runningCount = 0;
  readonly #onDrained: (() => void)[] = [];
  readonly #pump = (): void => this.#handleWaiting();
  #pumpQueued = false;

  constructor(parts: CommunicationPortParts) {
    const { channel } = parts;
    this.#parts = parts;
    this.#channel = channel;
    this.info = parts.info;
    this.context = parts.context;
    this.security = parts.security;
    this.#source = { port: this, channel, wants: new Set(parts.wants), viewBytes: 0 };
    this.#receivers = new Receivers(this, channel.portName);
    this.closed = new Promise((resolve) => {
      const handler: ChannelHandler = {
        onRequest: (request, data) => this.#onRequest(request, data),
        onDatagram: (data, extras) => this.#onDatagram(data, extras),
        runNow: () => this.#handleWaiting(),
        onDrained: () => this.#drainedNow(),
        onClosed: (closed) => {
          this.#end(closed);
          resolve(closed);
          parts.onClosed?.(this, closed);
        },
      };
      channel.start(handler, true);
    });
  }

  get peer(): PeerIdentity | undefined {
    return this.security.peer;
  }

  get capabilities(): TransportCapabilities {
    return { ...this.#channel.link.capabilities, quick: this.#parts.isQuick === true };
  }

  get transportName(): string {
    return this.#channel.link.transportName;
  }

  get attributes(): PortAttributes {
    return this.#channel.attributes;
  }

  get inlineBytesMax(): number {
    return Math.min(this.#channel.inlineBytesMax, this.#channel.dataBytesMax);
  }

  get statistics(): ChannelStatistics {
    return this.#channel.statistics;
  }

  request(data: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const origin = { isDynamic: this.#parts.isTracked };
      const request = new PortRequest(this.#channel, options, origin, (error, reply) => {
        if (error === undefined) resolve(reply);
        else reject(error);
      });
      request.start(data, origin);
    });
  }

  requestSync(data: Uint8Array, options: SyncRequestOptions = {}): Uint8Array {
    if (!this.capabilities.synchronous) {
      throw new TypeError(`Cannot block: the transport ${this.transportName} cannot wait`);
    }
    if (isMainThread && options.blockMainThread !== true) {
      throw new TypeError(
        'Cannot block the main thread: pass blockMainThread to do it all the same',
      );
    }
    const host: SyncHost = {
      channel: this.#channel,
      isDynamic: this.#parts.isTracked,
      handleCallbacks: (chain) => this.#handleCallbacks(chain),
    };
    return requestSync(host, data, options);
  }

  send(data: Uint8Array, options: SendOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const message = messageOf(this.#channel, MESSAGE_TYPE.DATAGRAM, data, {
        ...options,
        isDynamic: this.#parts.isTracked,
      });
      const onSettled = (error?: Error): void => (error ? reject(error) : resolve());
      this.#channel.sendMessage({ ...message, onSettled });
    });
  }

  trySend(data: Uint8Array, options: SendOptions = {}): boolean {
    const isDynamic = this.#parts.isTracked;
    return this.#channel.trySendMessage(
      messageOf(this.#channel, MESSAGE_TYPE.DATAGRAM, data, { ...options, isDynamic }),
    );
  }

  sendBatch(datas: readonly Uint8Array[], options: SendOptions = {}): Promise<void> {
    return sendBatch(this, this.#channel, datas, options);
  }

  drained(): Promise<void> {
    if (this.#channel.isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  flush(options: ReceiveOptions = {}): Promise<void> {
    return flush(this.#channel, this.drained(), options);
  }

  receive(options: ReceiveOptions = {}): Promise<PortMessage | undefined> {
    if (this.#parts.onMessage !== undefined || this.#parts.inbox !== undefined) {
      const who = this.#parts.inbox === undefined ? 'a handler' : 'the port that accepted it';
      return Promise.reject(new TypeError(`Cannot receive: its messages go to ${who}`));
    }
    return this.#receivers.receive(options);
  }

  async replyAndReceive(
    message: PortMessage,
    data: Uint8Array,
    options: ReceiveOptions = {},
  ): Promise<PortMessage | undefined> {
    await message.reply(data);
    return this.receive(options);
  }

  sendWaitReceive(step: SendWaitReceive): Promise<SentAndReceived> {
    return sendWaitReceive(this, step);
  }

  /** Messages until the connection ends; the notice of its end ends the loop. */
  async *[Symbol.asyncIterator](): AsyncIterator<PortMessage> {
    for (;;) {
      const message = await this.receive();
      if (message === undefined || isNotice(message)) return;
      yield message;
    }
  }

  unref(): void {
    this.#channel.link.setRef(false);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    const giveUpAt = performance.now() + (options.drainMs ?? DRAIN_MS);
    while (!this.#channel.isIdle && performance.now() < giveUpAt) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    this.abort();
    await this.closed;
  }

  abort(): void {
    this.#channel.close(0);
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For whoever receives: takes the next message out. */
  shift(): PortMessage | undefined {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return undefined;
    this.#taken(waiting);
    if (isNotice(waiting.message)) this.#parts.onGone?.();
    waiting.message.answerIfDropped();
    return waiting.message;
  }

  /** For whoever receives: bytes of the next message. */
  peekBytes(): number | undefined {
    return this.#waiting[0]?.message.lengthBytes;
  }

  #onRequest(request: IncomingRequest, data: MessageData): void {
    const { callbackOf, extras } = request;
    const kind = callbackOf === undefined ? 'request' : 'callback';
    const own = callbackOf instanceof PortRequest ? callbackOf.onCallback : undefined;
    this.#arrive({ kind, request, extras, data }, own);
  }

  #onDatagram(data: MessageData, extras: IncomingExtras): void {
    this.#arrive({ kind: 'datagram', request: undefined, extras, data }, undefined);
  }

  #arrive(
    arrived: {
      readonly kind: MessageKind;
      readonly request: IncomingRequest | undefined;
      readonly extras: IncomingExtras;
      readonly data: MessageData;
    },
    handler: MessageHandler | undefined,
  ): void {
    const { kind, request, extras, data } = arrived;
    const message = new IncomingMessage(this.#source, {
      kind,
      extras,
      data: ownData(data),
      isPrivate: data.isPrivate,
      ...(request === undefined ? {} : { request }),
    });
    this.#wait({ message, handler, request });
  }

  /** Handlers run outside the delivery of the link: they may send, wait, and close. */
  #wait(waiting: Waiting): void {
    const { onMessage, inbox } = this.#parts;
    if (waiting.handler !== undefined) this.#callbacks.push(waiting);
    else if (onMessage !== undefined) this.#waiting.push(waiting);
    else {
      this.#keepForReceivers(waiting, inbox);
      return;
    }
    this.#queuePump();
  }

  #keepForReceivers(waiting: Waiting, inbox: SharedInbox | undefined): void {
    const { message } = waiting;
    if (inbox === undefined && !this.#receivers.isUsed && message.isRequest) {
      this.#taken(waiting);
      message.release();
      void message.fail('SERVER_FAULT', 'Nobody receives messages there');
      return;
    }
    this.#waiting.push(waiting);
    inbox?.queue.offer(this);
    if (inbox === undefined) this.#receivers.wake();
    else inbox.wake();
  }

  #queuePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    process.nextTick(this.#pump);
  }

  #handleWaiting(): void {
    this.#pumpQueued = false;
    const { onMessage } = this.#parts;
    for (let next = this.#callbacks.shift(); next; next = this.#callbacks.shift()) {
      if (next.handler !== undefined) void this.#handle(next, next.handler);
    }
    if (onMessage === undefined) return;
    // Cancelling frees a request's place at once, its handler runs on: those are counted here. What
    // is not begun is not taken, so that the sender runs out of credit.
    while (this.#waiting.length > 0 && this.#runningCount < PENDING_REQUESTS_MAX) {
      const next = this.#waiting.shift();
      if (next !== undefined) void this.#handle(next, onMessage);
    }
  }

  /** While a thread blocks: the callbacks within the request that it waits for. */
  #handleCallbacks(chain: PortRequest): number {
    let count = 0;
    for (const list of [this.#callbacks, this.#waiting]) {
      for (let index = 0; index < list.length;) {
        const waiting = list[index];
        const handler = waiting?.handler ?? this.#parts.onMessage;
        if (waiting?.request?.callbackOf !== chain || handler === undefined) {
          index++;
          continue;
        }
        list.splice(index, 1);
        void this.#handle(waiting, handler);
        count++;
      }
    }
    return count;
  }

  async #handle(waiting: Waiting, handler: MessageHandler): Promise<void> {
    const { message } = waiting;
    // A request is taken when it begins: those that run are limited. A datagram is taken when it is
    // done, so that slow handlers slow the sender down.
    if (message.isRequest) {
      this.#taken(waiting);
      this.#runningCount++;
    }
    try {
      await handler(message);
      await message.settleAfterHandler(undefined);
    } catch (error) {
      // A PortError is an answer. Any other failure is the program's business too: a warning.
      if (!isPortError(error)) warnOf(error);
      await message.settleAfterHandler(error ?? new Error('thrown undefined'));
    }
    if (message.isRequest) {
      this.#runningCount--;
      if (this.#waiting.length > 0) this.#queuePump();
    } else {
      this.#taken(waiting);
    }
  }

  #taken({ message }: Waiting): void {
    if (!isNotice(message)) this.#channel.taken(message.lengthBytes);
  }

  #drainedNow(): void {
    for (const resolve of this.#onDrained.splice(0)) resolve();
    this.#parts.onDrain?.();
  }

  #end(closed: PortClosed): void {
    for (const resolve of this.#onDrained.splice(0)) resolve();
    const { onMessage, inbox } = this.#parts;
    if (onMessage !== undefined) {
      this.#parts.onGone?.();
      return;
    }
    const isOrderly = closed.reason === 'local' || closed.reason === 'closed';
    const kind = isOrderly ? 'port-closed' : 'client-died';
    const message = new IncomingMessage(this.#source, { kind, data: new Uint8Array(0) });
    const isAwaited = inbox === undefined || inbox.isReceived() || this.#waiting.length > 0;
    if (isAwaited) this.#wait({ message, handler: undefined, request: undefined });
    else this.#parts.onGone?.(); // Nobody has received yet, and there was nothing to receive.
    if (inbox === undefined) this.#receivers.end();
  }
}

/** Whether it says that the connection has ended. */
function isNotice({ kind }: PortMessage): boolean {
  return kind === 'port-closed' || kind === 'client-died';
}

function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), 'PortcallHandlerWarning');
}
