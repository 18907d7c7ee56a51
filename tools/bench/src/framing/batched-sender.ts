import { sendLarge } from './direct-sender.js';
import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame-layout.js';
import type { FrameSender, FrameSink } from './frame-sender.js';

/** Memory that frames are joined in: a little more than a Unix socket takes at once. */
const BLOCK_BYTES = 256 * 1024;

/** Frames longer than this are not joined with others. */
const JOIN_BYTES_MAX = BLOCK_BYTES / 4;

/** The frames of one turn of the event loop are joined and written together. */
export function createBatchedSender(sink: FrameSink): FrameSender {
  return new BatchedSender(sink);
}

class BatchedSender implements FrameSender {
  readonly #sink: FrameSink;
  /** Filled once from start to end, never twice: the socket may still hold what it was given. */
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #start = 0;
  #end = 0;
  #isScheduled = false;
  readonly #flushLater = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  send(id: number, body: Uint8Array): void {
    const frameBytes = FRAME_HEADER_BYTES + body.length;
    if (frameBytes > JOIN_BYTES_MAX) {
      this.#flush();
      sendLarge(this.#sink, id, body);
      return;
    }
    if (this.#end + frameBytes > BLOCK_BYTES) this.#beginBlock();
    writeFrameHeader(this.#block, this.#end, { lengthBytes: body.length, id });
    this.#block.set(body, this.#end + FRAME_HEADER_BYTES);
    this.#end += frameBytes;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flushLater);
  }

  #beginBlock(): void {
    this.#flush();
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#start = 0;
    this.#end = 0;
  }

  #flush(): void {
    if (this.#start === this.#end) return;
    this.#sink.write(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
