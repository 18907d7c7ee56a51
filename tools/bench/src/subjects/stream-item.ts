/** Room for a message's number at its beginning. */
const INDEX_BYTES = 4;

/**
 * Payloads of a stream: the first four bytes are the message's number. A new one for each, as a
 * program would send.
 */
export function streamPayload(index: number, payloadBytes: number): Buffer {
  const payload = Buffer.alloc(Math.max(payloadBytes, INDEX_BYTES), index & 0xff);
  payload.writeUInt32LE(index, 0);
  return payload;
}

/** Receives a stream: checks order and length, and tells when all is there. */
export class StreamCheck {
  /** Resolves when the last message came; rejects at the first wrong one. */
  readonly done: Promise<void>;
  readonly #count: number;
  readonly #payloadBytes: number;
  #next = 0;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(count: number, payloadBytes: number) {
    this.#count = count;
    this.#payloadBytes = payloadBytes;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Takes the next payload. */
  take(payload: Uint8Array): void {
    const { length } = payload;
    const index =
      (payload[0] ?? 0) |
      ((payload[1] ?? 0) << 8) |
      ((payload[2] ?? 0) << 16) |
      ((payload[3] ?? 0) << 24);
    if (index !== this.#next || length !== this.#payloadBytes || payload.at(-1) !== (index & 255)) {
      this.#reject(new Error(`Cannot trust stream: message ${this.#next} came as ${index}`));
      return;
    }
    if (++this.#next === this.#count) this.#resolve();
  }
}
