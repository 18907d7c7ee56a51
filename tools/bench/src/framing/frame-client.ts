import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

import { FrameDecoder } from './frame-decoder.js';
import { STREAM_FLAG, TAKE_FLAG } from './frame-layout.js';
import type { CreateFrameSender, FrameSender } from './frame-sender.js';

interface PendingCall {
  readonly finish: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** A request, and what makes a result of the reply's body. */
export interface FrameRequest<Reply> {
  /** 0 for `echo`, {@link TAKE_FLAG} for `take`. */
  readonly flag: number;
  readonly body: Uint8Array;
  readonly decode: (body: Buffer) => Reply;
}

/** The calling end of a framed socket. Owner: whoever connected it; `close()` ends it. */
export class FrameClient {
  readonly #socket: Socket;
  readonly #sender: FrameSender;
  /** Calls under way by the number in their frames; a number is used again when it is free. */
  readonly #pending: (PendingCall | undefined)[] = [];
  readonly #free: number[] = [];
  #onItem: ((body: Buffer) => void) | undefined;

  private constructor(socket: Socket, createSender: CreateFrameSender) {
    this.#socket = socket;
    this.#sender = createSender(socket);
    const decoder = new FrameDecoder((id, body) => this.#settle(id, body));
    socket.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    // 'close' comes after it and rejects the calls.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#rejectAll());
  }

  /** Connects to a Unix socket. @throws the system's error */
  static async connect(path: string, createSender: CreateFrameSender): Promise<FrameClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new FrameClient(socket, createSender);
  }

  /** Sends a request and waits for its reply. Rejects when the socket closes first. */
  call<Reply>(request: FrameRequest<Reply>): Promise<Reply> {
    const { flag, body, decode } = request;
    return new Promise((resolve, reject) => {
      const number = this.#free.pop() ?? this.#pending.length;
      this.#pending[number] = { finish: (reply) => resolve(decode(reply)), reject };
      this.#sender.send((number | flag) >>> 0, body);
    });
  }

  /** Asks for a stream; `onItem` gets each body, in order, until the next stream is asked for. */
  stream(body: Uint8Array, onItem: (body: Buffer) => void): void {
    this.#onItem = onItem;
    this.#sender.send(STREAM_FLAG, body);
  }

  /** Ends the connection. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.destroy();
    await closed;
  }

  #settle(id: number, body: Buffer): void {
    if ((id & STREAM_FLAG) !== 0) {
      this.#onItem?.(body);
      return;
    }
    const number = (id & ~TAKE_FLAG) >>> 0;
    const call = this.#pending[number];
    if (call === undefined) throw new Error(`Cannot take reply: nothing waits for id ${id}`);
    this.#pending[number] = undefined;
    this.#free.push(number);
    call.finish(body);
  }

  #rejectAll(): void {
    for (const call of this.#pending) call?.reject(new Error('Cannot call: the socket closed'));
    this.#pending.length = 0;
  }
}
