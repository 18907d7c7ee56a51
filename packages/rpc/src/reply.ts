import {
  MESSAGE_FLAG,
  MESSAGE_TYPE,
  STATUS,
  isPortError,
  type PortError,
  type StatusCode,
} from '@portcall/wire';
import type { IncomingRequest } from '@portcall/port';

import type { CallConnection } from './call.js';
import type { ServerCallContext } from './call-context.js';
import { encodeErrorReply } from './error-reply.js';
import { encodeMetadata } from './metadata.js';
import { checkLength, type PreparedMethod } from './prepared-method.js';
import type { RpcError } from './rpc-error.js';

/** Sends the replies of one connection's calls. */
export class Replier {
  readonly #connection: CallConnection;

  constructor(connection: CallConnection) {
    this.#connection = connection;
  }

  /**
   * Sends a result.
   *
   * @param message complete, as the codec's `fromPartial` gave it
   * @throws what encoding throws; nothing was sent then and the request is still open
   */
  result(
    request: IncomingRequest,
    method: PreparedMethod,
    reply: { readonly message: unknown; readonly context: ServerCallContext },
  ): void {
    const { channel, sender } = this.#connection;
    const { header, trailer } = reply.context.finish();
    const metadata = encodeMetadata(header, trailer);
    if (request.isSettled) return;
    const writer = sender.begin(method.responseHint, MESSAGE_TYPE.REPLY);
    try {
      writer.rawUint32(0);
      writer.rawUint32(metadata.length);
      if (metadata.length > 0) writer.raw(metadata);
      method.response.encode(reply.message, writer);
      method.responseHint = sender.bytes;
      checkLength(method, 'response', sender.bytes);
    } catch (error) {
      sender.abort();
      throw error;
    }
    sender.send({ type: MESSAGE_TYPE.REPLY, messageId: request.id, status: 0, flags: 0 });
    channel.settle(request);
  }

  /** Sends what a handler threw. */
  error(request: IncomingRequest, error: RpcError, context: ServerCallContext): void {
    const { header, trailer } = context.finish();
    const metadata = encodeMetadata(header, trailer);
    const start = Buffer.alloc(8);
    start.writeUInt32LE(error.code, 0);
    start.writeUInt32LE(metadata.length, 4);
    this.#send(request, 0, 0, [start, metadata, encodeErrorReply(error)]);
  }

  /** Refuses a request before its handler ran. */
  refuse(request: IncomingRequest, code: StatusCode, text: string): void {
    this.#send(request, STATUS[code].id, MESSAGE_FLAG.EXECUTED_NO, [Buffer.from(text)]);
  }

  /** The handler ran, but its result cannot be sent. */
  unsendable(request: IncomingRequest, error: PortError): void {
    const text = Buffer.from(error.message);
    this.#send(request, STATUS[error.code].id, MESSAGE_FLAG.EXECUTED_YES, [text]);
  }

  /** Raw data: the answer to a request of the run time itself. */
  data(request: IncomingRequest, bytes: Uint8Array): void {
    this.#send(request, 0, 0, [bytes]);
  }

  #send(
    request: IncomingRequest,
    status: number,
    flags: number,
    parts: readonly Uint8Array[],
  ): void {
    const { channel } = this.#connection;
    if (!channel.settle(request)) return;
    const head = { type: MESSAGE_TYPE.REPLY, messageId: request.id, status, flags };
    try {
      channel.send(head, parts);
    } catch (error) {
      if (!isPortError(error)) throw error;
      // Too long even for this port's limits: then without text. If the connection ended, nothing.
      const executed = (flags & MESSAGE_FLAG.EXECUTED_NO) === 0 ? 'yes' : 'no';
      channel.failRequest(request.id, error.code, executed);
    }
  }
}
