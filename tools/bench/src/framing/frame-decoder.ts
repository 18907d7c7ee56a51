import { FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES } from './frame-layout.js';

/** Gets a frame. `body` may share memory with other frames of the same chunk; it is not reused. */
export type FrameListener = (id: number, body: Buffer) => void;

/**
 * Cuts the chunks of a stream into frames.
 *
 * A frame within one chunk is passed on without a copy. One that spans chunks is copied once, into
 * memory of its own, as its parts come in.
 */
export class FrameDecoder {
  readonly #onFrame: FrameListener;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFill = 0;
  /** Of the frame that has begun and whose header is complete. */
  #body: Buffer | undefined;
  #bodyFill = 0;

  constructor(onFrame: FrameListener) {
    this.#onFrame = onFrame;
  }

  /** Takes the stream's next bytes. @throws RangeError when a frame is longer than the limit */
  push(chunk: Buffer): void {
    let at = this.#headerFill > 0 ? this.#resume(chunk) : 0;
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const lengthBytes = checkLength(chunk.readUInt32LE(at));
      const start = at + FRAME_HEADER_BYTES;
      const end = start + lengthBytes;
      if (end > chunk.length) break;
      this.#onFrame(chunk.readUInt32LE(at + 4), chunk.subarray(start, end));
      at = end;
    }
    if (at < chunk.length) this.#resume(chunk.subarray(at));
  }

  /** Feeds the frame that has begun. @returns how many bytes of the chunk it took */
  #resume(chunk: Buffer): number {
    let at = 0;
    if (this.#body === undefined) {
      at = chunk.copy(this.#header, this.#headerFill);
      this.#headerFill += at;
      if (this.#headerFill < FRAME_HEADER_BYTES) return at;
      this.#body = Buffer.allocUnsafeSlow(checkLength(this.#header.readUInt32LE(0)));
      this.#bodyFill = 0;
    }
    const body = this.#body;
    const taken = chunk.copy(body, this.#bodyFill, at);
    this.#bodyFill += taken;
    if (this.#bodyFill === body.length) {
      this.#headerFill = 0;
      this.#body = undefined;
      this.#onFrame(this.#header.readUInt32LE(4), body);
    }
    return at + taken;
  }
}

/** The length comes from another process: memory is taken for it, so there is a limit. */
function checkLength(lengthBytes: number): number {
  if (lengthBytes <= FRAME_BODY_BYTES_MAX) return lengthBytes;
  throw new RangeError(
    `Cannot read frame: length is ${lengthBytes} bytes, limit is ${FRAME_BODY_BYTES_MAX} bytes`,
  );
}
