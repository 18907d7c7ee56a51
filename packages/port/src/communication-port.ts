import { MESSAGE_TYPE, PortError, type MessageId, type PortAttributes } from '@portcall/wire';
import type { PeerIdentity, TransportCapabilities } from '@portcall/transport';

import type { IncomingRequest } from './incoming-request.js';
import { ownData, type MessageData } from './message-data.js';
import type { ChannelHandler, PortChannel } from './port-channel.js';
import type { PortClosed } from './port-closed.js';
import type { CloseOptions, PortEnd, RequestOptions } from './port-end.js';
import { PortMessage } from './port-message.js';
import { canceled } from './request-errors.js';

/** Handles what a peer sends. A promise that rejects answers a request with SERVER_FAULT. */
export type MessageHandler = (message: PortMessage) => void | Promise<void>;

/** What a communication port is made of. */
export interface CommunicationPortParts {
  readonly channel: PortChannel;
  /** What the other side said at connect or accept. */
  readonly info: Uint8Array;
  /** What the server attached in `accept`; `undefined` on the client. */
  readonly context: unknown;
  /** Without one, requests are answered SERVER_FAULT and datagrams are ignored. */
  readonly onMessage: MessageHandler | undefined;
  readonly onClosed: ((port: CommunicationPort) => void) | undefined;
}

/** How long `close` waits unless told otherwise. Source: `port.md` 20. */
const DRAIN_MS = 5000;

/** How often a draining port looks whether its calls are done. */
const DRAIN_POLL_MS = 5;

/**
 * One end of a connection: the unnamed port that connect and accept yield.
 *
 * *Thread*: the one that made it. *Owner*: whoever got it; `close()` or `await using` ends it. An
 * open port keeps the process alive until `unref()`.
 */
export class CommunicationPort implements PortEnd {
  readonly info: Uint8Array;
  readonly context: unknown;
  readonly closed: Promise<PortClosed>;
  readonly #channel: PortChannel;
  readonly #onMessage: MessageHandler | undefined;

  constructor(parts: CommunicationPortParts) {
    this.#channel = parts.channel;
    this.info = parts.info;
    this.context = parts.context;
    this.#onMessage = parts.onMessage;
    this.closed = new Promise((resolve) => {
      const handler: ChannelHandler = {
        onRequest: (request, data) => this.#deliver(request, data),
        onDatagram: (data) => this.#deliver(undefined, data),
        onClosed: (closed) => {
          resolve(closed);
          parts.onClosed?.(this);
        },
      };
      parts.channel.start(handler);
    });
  }

  get peer(): PeerIdentity | undefined {
    return this.#channel.link.peer;
  }

  get capabilities(): TransportCapabilities {
    return this.#channel.link.capabilities;
  }

  get transportName(): string {
    return this.#channel.link.transportName;
  }

  get attributes(): PortAttributes {
    return this.#channel.attributes;
  }

  request(data: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    const { timeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      const channel = this.#channel;
      if (signal?.aborted) throw canceled(channel.portName, false, signal.reason);
      const deadline = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
      const settle = (): void => signal?.removeEventListener('abort', onAbort);
      const sink = {
        onReply(reply: MessageData): void {
          settle();
          resolve(ownData(reply));
        },
        onFailure(error: PortError): void {
          settle();
          reject(error);
        },
      };
      const id: MessageId = channel.addRequest(sink, deadline);
      const onAbort = (): void => {
        const wasSent = channel.abandonRequest(id);
        if (wasSent !== undefined) reject(canceled(channel.portName, wasSent, signal?.reason));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const head = { type: MESSAGE_TYPE.REQUEST, messageId: id, status: 0, flags: 0 };
      try {
        channel.send(head, [data]);
      } catch (error) {
        channel.abandonRequest(id);
        settle();
        throw error;
      }
    });
  }

  send(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const head = { type: MESSAGE_TYPE.DATAGRAM, messageId: 0, status: 0, flags: 0 };
      this.#channel.send(head, [data], (error) => (error ? reject(error) : resolve()));
    });
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

  #deliver(request: IncomingRequest | undefined, data: MessageData): void {
    const message = new PortMessage(this, this.#channel, request, ownData(data));
    void this.#handle(message);
  }

  async #handle(message: PortMessage): Promise<void> {
    try {
      await this.#onMessage?.(message);
      await message.settleAfterHandler(undefined);
    } catch (error) {
      // The handler's own failure is the program's business too: it surfaces as a warning.
      process.emitWarning(error instanceof Error ? error : String(error), 'PortcallHandlerWarning');
      await message.settleAfterHandler(error ?? new Error('thrown undefined'));
    }
  }
}
