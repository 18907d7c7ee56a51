import type { PortError } from '@portcall/wire';
import type { MessageHead, MessageSpace, PortChannel } from '@portcall/port';

import type { MessageWriter } from './message-writer.js';

/** What the two halves of sending share: one a connection, used for one message at a time. */
export class MessageSender {
  readonly #channel: PortChannel;
  readonly #writer: MessageWriter;
  #space: MessageSpace | undefined;

  constructor(channel: PortChannel, writer: MessageWriter) {
    this.#channel = channel;
    this.#writer = writer;
  }

  /**
   * Begins a message in the ring if there is room, else in private memory.
   *
   * @param hintBytes what a message like this took before; 0 when there was none
   * @param type one of `MESSAGE_TYPE`
   * @returns the writer to encode with; then `send` or `abort`, before anything else
   */
  begin(hintBytes: number, type: number): MessageWriter {
    const channel = this.#channel;
    const space = hintBytes <= channel.inlineBytesMax ? channel.claim(hintBytes, type) : undefined;
    this.#space = space;
    this.#writer.begin(space);
    return this.#writer;
  }

  /** Bytes encoded so far. */
  get bytes(): number {
    return this.#writer.lengthBytes;
  }

  /**
   * Sends what was encoded.
   *
   * @param onSettled as in `PortChannel.send`
   * @throws PortError as `PortChannel.send`; nothing was sent then
   */
  send(head: MessageHead, onSettled?: (error?: PortError) => void): void {
    const writer = this.#writer;
    if (this.#space !== undefined) {
      if (writer.isInPlace) {
        this.#channel.commit(head, writer.end);
        onSettled?.();
        return;
      }
      this.#channel.abort();
    }
    this.#channel.send(head, writer.takeParts(), onSettled);
  }

  /** Gives the claim back: the message could not be encoded. */
  abort(): void {
    if (this.#space !== undefined) this.#channel.abort();
  }
}
