import {
  MESSAGE_TYPE,
  PortError,
  RPC_KIND,
  RPC_REPLY_HEADER_BYTES,
  RPC_REPLY_OFFSET,
  isPortError,
} from '@portcall/wire';
import {
  canceled,
  timedOut,
  type MessageData,
  type PortChannel,
  type ReplySink,
} from '@portcall/port';

import { DEADLINE_MS, type CallOptions } from './call-options.js';
import { decodeErrorReply } from './error-reply.js';
import type { MessageReader } from './message-reader.js';
import { METADATA_BYTES_MAX, decodeMetadata, encodeMetadata } from './metadata.js';
import { checkLength, type PreparedMethod } from './prepared-method.js';
import type { MessageSender } from './message-sender.js';

/** A connection as calls use it: the channel, and the codecs' buffers. */
export interface CallConnection {
  readonly channel: PortChannel;
  readonly sender: MessageSender;
  readonly reader: MessageReader;
}

/** Largest `timeoutMs` that a request can state. */
const WIRE_TIMEOUT_MAX = 0xffffffff;

const NO_OPTIONS: CallOptions = {};

/** Calls of one bound interface. */
export class Caller {
  readonly #connection: CallConnection;
  /** Number of the interface on the connection. */
  readonly #interface: number;

  constructor(connection: CallConnection, interfaceIndex: number) {
    this.#connection = connection;
    this.#interface = interfaceIndex;
  }

  /** One request, one reply. Rejects with PortError or RpcError. */
  unary(method: PreparedMethod, request: unknown, options = NO_OPTIONS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { channel } = this.#connection;
      const timeoutMs = options.timeoutMs ?? method.definition.deadlineMs ?? DEADLINE_MS;
      refuseEarly(method, channel, options, timeoutMs);
      const call = new UnaryCall(this.#connection, method, { options, resolve, reject });
      // Before anything is registered: it may run getters of the program's object, or throw.
      const message = method.request.fromPartial(request ?? {});
      call.id = channel.addRequest(call, performance.now() + timeoutMs);
      try {
        this.#send(method, message, call.id, { timeoutMs, options });
      } catch (error) {
        channel.abandonRequest(call.id);
        throw describe(error, method);
      }
      call.listen();
    });
  }

  /** A request that nobody answers. Resolves when the transport has taken it. */
  oneway(method: PreparedMethod, request: unknown, options = NO_OPTIONS): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? method.definition.deadlineMs ?? Infinity;
      refuseEarly(method, this.#connection.channel, options, timeoutMs);
      const message = method.request.fromPartial(request ?? {});
      const onSettled = (error?: PortError): void => {
        if (error === undefined) resolve();
        else reject(describe(error, method));
      };
      try {
        this.#send(method, message, 0, { timeoutMs, options, onSettled });
      } catch (error) {
        throw describe(error, method);
      }
    });
  }

  /** @param id of the request, 0 for a datagram */
  #send(
    method: PreparedMethod,
    message: unknown,
    id: number,
    call: {
      readonly timeoutMs: number;
      readonly options: CallOptions;
      readonly onSettled?: (error?: PortError) => void;
    },
  ): void {
    const { sender } = this.#connection;
    const metadata = encodeMetadata(call.options.metadata);
    const type = id === 0 ? MESSAGE_TYPE.DATAGRAM : MESSAGE_TYPE.REQUEST;
    const writer = sender.begin(method.requestHint, type);
    try {
      writer.rawUint32(this.#interface | (RPC_KIND.CALL << 16));
      writer.rawUint32(method.definition.id);
      writer.rawUint32(wireTimeout(call.timeoutMs));
      writer.rawUint32(metadata.length);
      if (metadata.length > 0) writer.raw(metadata);
      method.request.encode(message, writer);
      method.requestHint = sender.bytes;
      checkLength(method, 'request', sender.bytes);
    } catch (error) {
      sender.abort();
      throw error;
    }
    sender.send({ type, messageId: id, status: 0, flags: 0 }, call.onSettled);
  }
}

/** Milliseconds as a request states them: whole, at least 1; 0 for none. */
function wireTimeout(timeoutMs: number): number {
  if (timeoutMs === Infinity) return 0;
  return Math.min(Math.max(Math.ceil(timeoutMs), 1), WIRE_TIMEOUT_MAX);
}

/** Conditions under which a call is never sent. */
function refuseEarly(
  method: PreparedMethod,
  channel: PortChannel,
  options: CallOptions,
  timeoutMs: number,
): void {
  if (Number.isNaN(timeoutMs))
    throw new RangeError(`Cannot call ${method.fullName}: ` + `timeoutMs is NaN`);
  if (options.signal?.aborted) {
    throw describe(canceled(channel.portName, false, options.signal.reason), method);
  }
  if (timeoutMs <= 0) throw describe(timedOut(channel.portName, false), method);
}

class UnaryCall implements ReplySink {
  id = 0 as ReturnType<PortChannel['addRequest']>;
  readonly #connection: CallConnection;
  readonly #method: PreparedMethod;
  readonly #options: CallOptions;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #onAbort: (() => void) | undefined;

  constructor(
    connection: CallConnection,
    method: PreparedMethod,
    caller: {
      readonly options: CallOptions;
      readonly resolve: (value: unknown) => void;
      readonly reject: (error: unknown) => void;
    },
  ) {
    this.#connection = connection;
    this.#method = method;
    this.#options = caller.options;
    this.#resolve = caller.resolve;
    this.#reject = caller.reject;
  }

  /** Cancels when the caller's signal fires. */
  listen(): void {
    const { signal } = this.#options;
    if (signal === undefined) return;
    this.#onAbort = () => {
      const { channel } = this.#connection;
      const wasSent = channel.abandonRequest(this.id);
      if (wasSent === undefined) return;
      this.#reject(describe(canceled(channel.portName, wasSent, signal.reason), this.#method));
    };
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  onReply(data: MessageData): void {
    this.#settle();
    try {
      this.#take(data);
    } catch (error) {
      this.#reject(isPortError(error) ? describe(error, this.#method) : this.#malformed(error));
    }
  }

  onFailure(error: PortError): void {
    this.#settle();
    this.#reject(describe(error, this.#method));
  }

  #take(data: MessageData): void {
    const { view, offset, lengthBytes } = data;
    if (lengthBytes < RPC_REPLY_HEADER_BYTES) throw new Error('reply has no header');
    const outcome = view.getUint32(offset + RPC_REPLY_OFFSET.OUTCOME, true);
    const metadataBytes = view.getUint32(offset + RPC_REPLY_OFFSET.METADATA_LENGTH, true);
    const bodyStart = RPC_REPLY_HEADER_BYTES + metadataBytes;
    if (metadataBytes > METADATA_BYTES_MAX + 8 || bodyStart > lengthBytes) {
      throw new Error(`reply states ${metadataBytes} bytes of metadata`);
    }
    if (metadataBytes > 0) this.#deliverMetadata(data, metadataBytes);
    if (outcome === 0) {
      const { reader } = this.#connection;
      reader.begin(data, bodyStart);
      const value = this.#method.response.decode(reader, lengthBytes - bodyStart);
      reader.end();
      this.#resolve(value);
      return;
    }
    const bytes = data.bytes.slice(offset + bodyStart, offset + lengthBytes);
    const { fullName, definition } = this.#method;
    const options = { method: fullName, idempotent: definition.idempotent };
    this.#reject(decodeErrorReply(bytes, options));
  }

  #deliverMetadata(data: MessageData, metadataBytes: number): void {
    const { onHeader, onTrailer } = this.#options;
    if (onHeader === undefined && onTrailer === undefined) return;
    const start = data.offset + RPC_REPLY_HEADER_BYTES;
    const { header, trailer } = decodeMetadata(data.bytes.slice(start, start + metadataBytes));
    onHeader?.(header);
    onTrailer?.(trailer);
  }

  #malformed(cause: unknown): PortError {
    const { fullName } = this.#method;
    return new PortError('INVALID_MESSAGE', `Cannot call ${fullName}: its reply is malformed`, {
      cause,
      executed: 'yes',
      method: fullName,
      portName: this.#connection.channel.portName,
    });
  }

  #settle(): void {
    if (this.#onAbort === undefined) return;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** A port's error as the caller of a method sees it; anything else unchanged. */
function describe(error: unknown, method: PreparedMethod): unknown {
  if (!isPortError(error) || error.method !== undefined) return error;
  const { sent, info, retryAfterMs, portName, executed } = error;
  return new PortError(error.code, `Cannot call ${method.fullName}: ${error.message}`, {
    executed,
    method: method.fullName,
    idempotent: method.definition.idempotent,
    cause: error.cause ?? error,
    ...(sent === undefined ? {} : { sent }),
    ...(info === undefined ? {} : { info }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(portName === undefined ? {} : { portName }),
  });
}
