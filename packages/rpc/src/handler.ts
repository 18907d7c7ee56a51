import {
  PENDING_REQUESTS_MAX,
  PortError,
  RPC_KIND,
  RPC_REQUEST_HEADER_BYTES,
  RPC_REQUEST_OFFSET,
  isPortError,
} from '@portcall/wire';
import {
  ownData,
  type ChannelHandler,
  type IncomingRequest,
  type MessageData,
  type PortChannel,
  type PortClosed,
  type SecurityContext,
} from '@portcall/port';

import type { CallConnection } from './call.js';
import { ServerCallContext, type CallContext } from './call-context.js';
import { isDeliberate, toRpcError } from './handler-error.js';
import { decodeBindItems, encodeBindResults } from './interface-id.js';
import type { InterfaceTable, ServedInterface, ServedMethod } from './interface-table.js';
import { MessageReader } from './message-reader.js';
import { MessageWriter } from './message-writer.js';
import { MessageSender } from './message-sender.js';
import { METADATA_BYTES_MAX, decodeMetadata, type Metadata } from './metadata.js';
import { Replier } from './reply.js';

/** Told of what a handler threw, beside what the caller is told. */
export type ErrorListener = (error: unknown, context: CallContext) => void;

/** What all connections of a server share. */
export interface ServerShared {
  readonly interfaces: InterfaceTable;
  readonly onError: ErrorListener;
  readonly maxCalls: number;
}

/** What a connection has besides. */
export interface ConnectionShared extends ServerShared {
  /** Who calls. */
  readonly security: SecurityContext;
}

/** A request as read from the wire. */
interface ReadCall {
  readonly method: ServedMethod;
  readonly message: unknown;
  readonly context: ServerCallContext;
}

/** Serves the calls of one connection. */
export class ConnectionHandler implements ChannelHandler {
  readonly #connection: CallConnection;
  readonly #shared: ConnectionShared;
  readonly #replier: Replier;
  readonly #bound: ServedInterface[] = [];
  /** Handlers that have not settled. */
  #runningCount = 0;
  readonly #onClosed: (closed: PortClosed) => void;

  constructor(
    channel: PortChannel,
    shared: ConnectionShared,
    onClosed: (closed: PortClosed) => void,
  ) {
    this.#connection = {
      channel,
      sender: new MessageSender(channel, new MessageWriter()),
      reader: new MessageReader(),
    };
    this.#shared = shared;
    this.#replier = new Replier(this.#connection);
    this.#onClosed = onClosed;
  }

  onRequest(request: IncomingRequest, data: MessageData): void {
    const { maxCalls } = this.#shared;
    // Cancelled calls are not active any more, and their handlers run on.
    if (this.#connection.channel.activity > maxCalls || this.#runningCount >= maxCalls) {
      this.#replier.refuse(request, 'SERVER_BUSY', `More than ${this.#shared.maxCalls} calls run`);
      return;
    }
    let call: ReadCall | undefined;
    try {
      if (kindOf(data) === RPC_KIND.BIND) {
        this.#bind(request, data);
        return;
      }
      call = this.#read(data);
    } catch (error) {
      if (isPortError(error)) this.#replier.refuse(request, error.code, error.message);
      else
        this.#replier.refuse(
          request,
          'INVALID_MESSAGE',
          `Cannot read request: ` + `${textOf(error)}`,
        );
      return;
    }
    this.#run(request, call);
  }

  onDatagram(data: MessageData): void {
    let call: ReadCall;
    try {
      call = this.#read(data);
    } catch {
      return; // A oneway call that cannot be read has nobody to tell.
    }
    const fail = (error: unknown): void => this.#shared.onError(error, call.context);
    try {
      const result = call.method.run(call.message, call.context);
      if (isPromise(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  onClosed(closed: PortClosed): void {
    this.#onClosed(closed);
  }

  #run(request: IncomingRequest, call: ReadCall): void {
    const { method, message, context } = call;
    request.onCancel = () => context.cancel();
    let result: unknown;
    try {
      result = method.run(message, context);
    } catch (error) {
      this.#fail(request, call, error);
      return;
    }
    if (isPromise(result)) {
      this.#runningCount++;
      const succeed = (value: unknown): void => {
        this.#runningCount--;
        this.#succeed(request, call, value);
      };
      const fail = (error: unknown): void => {
        this.#runningCount--;
        this.#fail(request, call, error);
      };
      result.then(succeed, fail);
    } else {
      this.#succeed(request, call, result);
    }
  }

  #succeed(request: IncomingRequest, call: ReadCall, value: unknown): void {
    try {
      const message = call.method.response.fromPartial(value ?? {});
      this.#replier.result(request, call.method, { message, context: call.context });
    } catch (error) {
      if (isPortError(error)) this.#replier.unsendable(request, error);
      else this.#fail(request, call, error);
    }
  }

  #fail(request: IncomingRequest, call: ReadCall, thrown: unknown): void {
    if (!isDeliberate(thrown)) this.#shared.onError(thrown, call.context);
    try {
      this.#replier.error(request, toRpcError(thrown, call.context.caller), call.context);
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#replier.unsendable(request, error); // Its metadata is too long.
    }
  }

  #bind(request: IncomingRequest, data: MessageData): void {
    const items = decodeBindItems(ownData(data).subarray(RPC_REQUEST_HEADER_BYTES));
    const results = items.map((item) => this.#shared.interfaces.bind(item, this.#bound));
    this.#replier.data(request, encodeBindResults(results));
  }

  /** Everything that a request's bytes say, checked. @throws PortError, or what a codec throws */
  #read(data: MessageData): ReadCall {
    const { view, offset, lengthBytes } = data;
    if (kindOf(data) !== RPC_KIND.CALL) throw invalid(`its kind is ${kindOf(data)}`);
    const index = view.getUint16(offset + RPC_REQUEST_OFFSET.INTERFACE, true);
    const methodId = view.getUint32(offset + RPC_REQUEST_OFFSET.METHOD_ID, true);
    const method = this.#find(index, methodId);
    const metadataBytes = view.getUint32(offset + RPC_REQUEST_OFFSET.METADATA_LENGTH, true);
    const bodyStart = RPC_REQUEST_HEADER_BYTES + metadataBytes;
    if (metadataBytes > METADATA_BYTES_MAX + 8 || bodyStart > lengthBytes) {
      throw invalid(`it states ${metadataBytes} bytes of metadata`);
    }
    const context = new ServerCallContext({
      caller: this.#shared.security.peer,
      method: method.fullName,
      timeoutMs: view.getUint32(offset + RPC_REQUEST_OFFSET.TIMEOUT_MS, true),
      metadata: metadataBytes === 0 ? undefined : readMetadata(data, metadataBytes),
    });
    const { reader } = this.#connection;
    reader.begin(data, bodyStart);
    const message = method.request.decode(reader, lengthBytes - bodyStart);
    reader.end();
    return { method, message, context };
  }

  #find(index: number, methodId: number): ServedMethod {
    const served = this.#bound[index];
    if (served === undefined) {
      throw new PortError('UNKNOWN_INTERFACE', `No interface was bound as number ${index}`);
    }
    const method = served.methods.get(methodId);
    if (method === undefined) {
      throw new PortError('UNKNOWN_METHOD', `The interface has no method with id ${methodId}`);
    }
    if (method.definition.kind !== 'unary') {
      throw new PortError('UNKNOWN_METHOD', `${method.fullName} streams, which is not built yet`);
    }
    return method;
  }
}

/** Calls of one connection at once, unless the server says otherwise. */
export const CALLS_PER_CONNECTION_MAX = PENDING_REQUESTS_MAX;

function kindOf(data: MessageData): number {
  if (data.lengthBytes < RPC_REQUEST_HEADER_BYTES)
    throw invalid(`it has ${data.lengthBytes} ` + `bytes`);
  return data.view.getUint16(data.offset + RPC_REQUEST_OFFSET.KIND, true);
}

function readMetadata(data: MessageData, metadataBytes: number): Metadata {
  const start = data.offset + RPC_REQUEST_HEADER_BYTES;
  return decodeMetadata(data.bytes.slice(start, start + metadataBytes)).header;
}

function invalid(text: string): PortError {
  return new PortError('INVALID_MESSAGE', `Cannot read request: ${text}`);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
