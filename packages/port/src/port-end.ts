import type { PortAttributes, StatusCode } from '@portcall/wire';
import type { PeerIdentity, TransportCapabilities } from '@portcall/transport';

import type { MessageAttributes } from './message-attributes.js';
import type { MemoryRange, WorkOnBehalf, ClaimedIdentity } from './outgoing-attributes.js';
import type { PortClosed } from './port-closed.js';
import type { HandleSource } from './port-handle.js';
import type { ChannelStatistics } from './port-channel.js';
import type { SecurityContext } from './security-context.js';

/**
 * How the data of a message travels. 'auto': by its length. 'inline': copied through the ring, or
 * refused when it is too long for that. 'section': by shared memory however short it is, where
 * `capabilities.sections`; elsewhere as 'auto'.
 */
export type MessageMode = 'auto' | 'inline' | 'section';

/**
 * What a message is: one that wants a reply ('request', or 'callback' within a request of ours),
 * one that does not, or the notice that the connection has ended, which is the last.
 */
export type MessageKind = 'request' | 'callback' | 'datagram' | 'port-closed' | 'client-died';

/** A message that a peer sent; its data is the receiver's own copy. */
export interface PortMessage {
  /** What it is. */
  readonly kind: MessageKind;
  /** The data. Owner: the receiver. Of length 0 once a view of it is released. */
  readonly data: Uint8Array;
  /** The communication port it came through. */
  readonly port: PortEnd;
  /** Whether the sender waits for a reply. */
  readonly isRequest: boolean;
  /** Number of a request on its connection; 0 for others. */
  readonly messageId: number;
  /** Number of this side's own request that a callback belongs to; 0 for others. */
  readonly callbackId: number;
  /** Number of the message in its direction, from 0. */
  readonly sequence: number;
  /** The sender, as the kernel identified it; with dynamic tracking as it was when it sent this. */
  readonly peer: PeerIdentity | undefined;
  /** What came with it, of what this side asked for. */
  readonly attributes: MessageAttributes;
  /** Aborted when the sender cancels, or goes away. */
  readonly signal: AbortSignal;
  /**
   * Answers a request, once.
   *
   * @param data may not be changed until the promise resolves
   * @returns false when the sender is gone or no longer waits
   * @throws PortError REPLY_MISMATCH for a datagram or a second reply, MESSAGE_TOO_LONG
   */
  reply(data: Uint8Array, options?: { readonly mode?: MessageMode }): Promise<boolean>;
  /**
   * Answers a request with an error; `text` reaches the sender as the error's message.
   *
   * @returns false when the sender is gone or no longer waits
   * @throws PortError REPLY_MISMATCH
   */
  fail(code: StatusCode, text: string): Promise<boolean>;
  /**
   * Calls the sender back, within its request: it is reached as long as that waits, by the handler
   * it gave for it. What remains of the request's deadline, where that is known, limits it too.
   *
   * @returns the reply's data
   * @throws PortError REPLY_MISMATCH for a datagram or after the reply, CANCELED when the request
   * is cancelled, QUOTA_EXCEEDED more than 32 deep, and as `PortEnd.request`
   *
   * Source: LPC callbacks (NtRequestWaitReplyPort while serving a message).
   */
  callback(data: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /**
   * Reads memory that the sender lets this side reach until the reply.
   *
   * @param index of the range in `attributes.direct`
   * @throws RangeError outside the range; PortError ACCESS_DENIED, REPLY_MISMATCH after the reply,
   * CANCELED, DISCONNECTED
   */
  read(index: number, part?: RangePart): Promise<Uint8Array>;
  /** Writes into memory that the sender lets this side reach. @throws as `read` */
  write(index: number, bytes: Uint8Array, offset?: number): Promise<void>;
  /**
   * For whom a call made now on behalf of the sender is made: pass it as `onBehalfOf`. The receiver
   * of that call sees who calls (this process), and separately this chain, nearest first.
   *
   * @throws PortError ACCESS_DENIED unless both sides allow the level 'impersonate'
   *
   * Source: NtImpersonateClientOfPort; identities are never merged.
   */
  impersonate(): readonly ClaimedIdentity[];
  /** Says that the reply comes after the handler has returned. */
  defer(): void;
  /** Closes the handles that were not claimed, and gives back a view that was not retained. */
  release(): void;
}

/** Which part of a range. */
export interface RangePart {
  /** In bytes. Default 0. */
  readonly offset?: number;
  /** In bytes. Default: the rest of the range. */
  readonly length?: number;
}

/** Handles what a peer sends. A promise that rejects answers a request with SERVER_FAULT. */
export type MessageHandler = (message: PortMessage) => void | Promise<void>;

/** What any message may carry. An attribute that the receiver did not ask for is not sent. */
export interface SendOptions {
  /** Default 'auto'. */
  readonly mode?: MessageMode | undefined;
  /** Trace, priority and baggage of the work that this belongs to. */
  readonly work?: WorkOnBehalf | undefined;
  /** For whom this is done: what `PortMessage.impersonate` gave. */
  readonly onBehalfOf?: readonly ClaimedIdentity[] | undefined;
  /**
   * At most 4; copies travel, these stay the caller's, open until the promise settles. Both sides
   * must enable their types.
   */
  readonly handles?: readonly HandleSource[] | undefined;
}

/** How long a request may take, what ends it early, and what it carries. */
export interface RequestOptions extends SendOptions {
  /** Milliseconds from now; none when left out. With 0 or less it is not sent. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
  /** At most 8 ranges of memory that the server may read or write until it replies. */
  readonly ranges?: readonly MemoryRange[] | undefined;
  /** Handles callbacks of the server within this request; default: as other messages. */
  readonly onCallback?: MessageHandler | undefined;
  /**
   * Gets 1 written as a u64 when the request settles, such as an eventfd that something else polls.
   */
  readonly completionDescriptor?: number | undefined;
}

/** A request that blocks its thread. */
export interface SyncRequestOptions extends RequestOptions {
  /** The main thread is blocked only if this says so. Default false. */
  readonly blockMainThread?: boolean;
}

/** What `sendWaitReceive` sends first. */
export type SendStep =
  | { readonly request: Uint8Array; readonly options?: RequestOptions }
  | { readonly datagram: Uint8Array; readonly options?: SendOptions }
  | { readonly replyTo: PortMessage; readonly reply: Uint8Array };

/** The one operation that all others are made of. Source: NtAlpcSendWaitReceivePort. */
export interface SendWaitReceive {
  /** Sent first; nothing when left out. */
  readonly send?: SendStep;
  /** Whether to wait for the next message of the peer then. Default false. */
  readonly receive?: boolean;
  /** Milliseconds for all of it; none when left out. */
  readonly timeoutMs?: number;
}

/** What came of a {@link SendWaitReceive}. */
export interface SentAndReceived {
  /** The reply, if a request was sent. */
  readonly reply: Uint8Array | undefined;
  /** The message, if one was waited for and came in time. */
  readonly message: PortMessage | undefined;
}

/** How to wait for a message. */
export interface ReceiveOptions {
  /** Milliseconds; none when left out. 0 polls. */
  readonly timeoutMs?: number | undefined;
  /** Gives up: the promise rejects with CANCELED. */
  readonly signal?: AbortSignal | undefined;
}

/** How to close. */
export interface CloseOptions {
  /** Milliseconds to wait for calls that are under way, of either side. Default 5 000. */
  readonly drainMs?: number;
}

/** One end of a connection, as programs use it. */
export interface PortEnd extends AsyncDisposable, AsyncIterable<PortMessage> {
  /** What the other side said at connect or accept. */
  readonly info: Uint8Array;
  /** What the server attached in `accept`; `undefined` on the client. */
  readonly context: unknown;
  /** Resolves when the connection has ended, with the reason. Never rejects. */
  readonly closed: Promise<PortClosed>;
  /**
   * The process at the other end, as the kernel identified it; `undefined` where it cannot, or
   * where a client wants to be anonymous.
   */
  readonly peer: PeerIdentity | undefined;
  /** The same with level, tracking and token. */
  readonly security: SecurityContext;
  /** What the transport can do. */
  readonly capabilities: TransportCapabilities;
  /** Name of the transport that carries this connection. */
  readonly transportName: string;
  /** The limits that hold: of each the smaller of both sides' values. */
  readonly attributes: PortAttributes;
  /** Largest data that is copied through the ring; longer messages go by section. */
  readonly inlineBytesMax: number;
  /** Counts since the connection was made. */
  readonly statistics: ChannelStatistics;
  /**
   * Sends a request and waits for its reply.
   *
   * @param data may not be changed until the promise settles; at most `attributes.maxMessageLength`
   * @returns the reply's data; the caller's own
   * @throws PortError TIMEOUT, CANCELED, DISCONNECTED, REPLY_LOST, MESSAGE_TOO_LONG,
   * QUOTA_EXCEEDED, PEER_UNRESPONSIVE, or what the server answered
   */
  request(data: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /**
   * Sends a request and blocks this thread until its reply is there. Meanwhile callbacks of the
   * server within this request are handled, as far as their handlers do not wait; everything else
   * waits.
   *
   * @returns the reply's data; the caller's own
   * @throws PortError as `request`; TypeError on the main thread without `blockMainThread`, or
   * where `capabilities.synchronous` is false
   *
   * Source: NtRequestWaitReplyPort.
   */
  requestSync(data: Uint8Array, options?: SyncRequestOptions): Uint8Array;
  /**
   * Sends a datagram: no reply, no word whether it was handled.
   *
   * @param data may not be changed until the promise resolves
   * @returns when the transport has taken it: the peer has room for it
   * @throws PortError DISCONNECTED, MESSAGE_TOO_LONG, QUOTA_EXCEEDED
   */
  send(data: Uint8Array, options?: SendOptions): Promise<void>;
  /** Sends a datagram now or not at all. @returns false when there is no room or credit now */
  trySend(data: Uint8Array, options?: SendOptions): boolean;
  /**
   * Sends datagrams in order; the peer is woken once.
   *
   * @throws PortError as `send`, for the first that cannot go; those before it are sent
   */
  sendBatch(datas: readonly Uint8Array[], options?: SendOptions): Promise<void>;
  /** Resolves when a datagram could go at once: now, or with the next `onDrain`. */
  drained(): Promise<void>;
  /**
   * Resolves when the peer has read everything that was sent before. @throws PortError as `request`
   */
  flush(options?: ReceiveOptions): Promise<void>;
  /**
   * Takes the next message of the peer, in order; for ports without a handler. The last one is of
   * kind 'port-closed' or 'client-died', once.
   *
   * @returns `undefined` when the time is over
   * @throws PortError DISCONNECTED after the last message, CANCELED; TypeError for a port with a
   * handler
   */
  receive(options?: ReceiveOptions): Promise<PortMessage | undefined>;
  /**
   * Replies to a message, then takes the next one. Source: NtReplyWaitReceivePort.
   */
  replyAndReceive(
    message: PortMessage,
    data: Uint8Array,
    options?: ReceiveOptions,
  ): Promise<PortMessage | undefined>;
  /** Sends, waits, receives, in this order. @throws PortError as the parts of it */
  sendWaitReceive(step: SendWaitReceive): Promise<SentAndReceived>;
  /** Lets the process end while this port is open. */
  unref(): void;
  /**
   * Waits for the calls that are under way, then ends the connection. Safe to call twice.
   *
   * Calls that still run after `drainMs` fail at both ends.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends the connection now. */
  abort(): void;
}
