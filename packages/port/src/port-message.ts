import {
  MESSAGE_TYPE,
  PortError,
  STATUS,
  isPortError,
  type MessageId,
  type StatusCode,
} from '@portcall/wire';
import type { PeerIdentity } from '@portcall/transport';

import type { IncomingRequest } from './incoming-request.js';
import type { PortChannel } from './port-channel.js';
import type { PortEnd } from './port-end.js';

/** A request or datagram that a peer sent; the message's data is the receiver's own copy. */
export class PortMessage {
  /** The data. Owner: the receiver. */
  readonly data: Uint8Array;
  /** The communication port it came through. */
  readonly port: PortEnd;
  readonly #channel: PortChannel;
  readonly #request: IncomingRequest | undefined;
  #replied = false;
  #deferred = false;
  #aborter: AbortController | undefined;

  constructor(
    port: PortEnd,
    channel: PortChannel,
    request: IncomingRequest | undefined,
    data: Uint8Array,
  ) {
    this.port = port;
    this.data = data;
    this.#channel = channel;
    this.#request = request;
  }

  /** Whether the sender waits for a reply. */
  get isRequest(): boolean {
    return this.#request !== undefined;
  }

  /** The sender, as the kernel identified it when it connected. */
  get peer(): PeerIdentity | undefined {
    return this.port.peer;
  }

  /** Aborted when the sender cancels, or goes away. */
  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      const aborter = new AbortController();
      this.#aborter = aborter;
      const request = this.#request;
      if (request !== undefined && !this.#replied) {
        if (request.isSettled) aborter.abort();
        else request.onCancel = () => aborter.abort();
      }
    }
    return this.#aborter.signal;
  }

  /**
   * Answers a request, once.
   *
   * @param data may not be changed until the promise resolves
   * @returns false when the sender is gone or no longer waits
   * @throws PortError REPLY_MISMATCH for a datagram or a second reply, MESSAGE_TOO_LONG
   */
  async reply(data: Uint8Array): Promise<boolean> {
    return this.#answer('reply', 0, [data]);
  }

  /**
   * Answers a request with an error; `text` reaches the sender as the error's message.
   *
   * @returns false when the sender is gone or no longer waits
   * @throws PortError REPLY_MISMATCH
   */
  async fail(code: StatusCode, text: string): Promise<boolean> {
    const bytes = Buffer.from(text).subarray(0, this.#channel.dataBytesMax);
    return this.#answer('fail', STATUS[code].id, [bytes]);
  }

  /** Says that the reply comes after the handler has returned. */
  defer(): void {
    this.#deferred = true;
  }

  /** Called when the handler has returned: a request must not be left hanging. */
  async settleAfterHandler(error: unknown): Promise<void> {
    if (!this.isRequest || this.#replied || (this.#deferred && error === undefined)) return;
    if (isPortError(error)) await this.fail(error.code, error.message);
    else await this.fail('SERVER_FAULT', 'The handler failed or did not reply');
  }

  async #answer(verb: string, status: number, parts: readonly Uint8Array[]): Promise<boolean> {
    const request = this.#request;
    if (request === undefined || this.#replied) {
      const why = this.#replied ? 'it was replied to already' : 'it is a datagram';
      throw new PortError('REPLY_MISMATCH', `Cannot ${verb} to message: ${why}`, {
        portName: this.#channel.portName,
      });
    }
    const totalBytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (totalBytes > this.#channel.dataBytesMax) {
      throw new PortError(
        'MESSAGE_TOO_LONG',
        `Cannot reply: length is ${totalBytes} bytes, limit is ${this.#channel.dataBytesMax} bytes`,
        { portName: this.#channel.portName },
      );
    }
    this.#replied = true;
    if (!this.#channel.settle(request)) return false;
    const head = { type: MESSAGE_TYPE.REPLY, messageId: request.id, status, flags: 0 };
    return sendReply(this.#channel, head, parts);
  }
}

/** @returns false when the connection ended before the reply was handed to it */
function sendReply(
  channel: PortChannel,
  head: { type: number; messageId: number; status: number; flags: number },
  parts: readonly Uint8Array[],
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    try {
      channel.send(head, parts, (error) => {
        if (error === undefined) resolve(true);
        else if (channel.closed !== undefined) resolve(false);
        else reject(error);
      });
    } catch (error) {
      if (channel.closed !== undefined) {
        resolve(false);
        return;
      }
      // The request has been settled: its sender must not wait for a reply that cannot be sent.
      if (isPortError(error)) channel.failRequest(head.messageId as MessageId, error.code, 'yes');
      reject(error);
    }
  });
}
