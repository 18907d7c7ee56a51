/** The data of a message as memory that can be given back before a garbage collection. */
export interface View extends Disposable {
  /**
   * The data; of length 0 once it is released. An array over it that was kept reads zeros from then
   * on, in whatever thread.
   */
  readonly bytes: Uint8Array;
  /** Keeps the view when the handler returns; then `release()` is the receiver's duty. */
  retain(): void;
  /** Gives the memory back now. Safe to call twice. */
  release(): void;
}

const NOTHING = new Uint8Array(0);

/** A view of memory that belongs to this message alone. */
export class PrivateView implements View {
  #bytes: Uint8Array;
  #isRetained = false;
  #onRelease: ((bytes: Uint8Array) => void) | undefined;

  /** @param onRelease called once, when it is released: gives the memory back and leaves zeros */
  constructor(bytes: Uint8Array, onRelease: (bytes: Uint8Array) => void) {
    this.#bytes = bytes;
    this.#onRelease = onRelease;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  retain(): void {
    this.#isRetained = true;
  }

  release(): void {
    const onRelease = this.#onRelease;
    if (onRelease === undefined) return;
    this.#onRelease = undefined;
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    // Never detached: zlib or crypto may be reading it in a thread of theirs.
    onRelease(bytes);
  }

  /** The handler has returned. */
  releaseUnlessRetained(): void {
    if (!this.#isRetained) this.release();
  }

  /** As `release()`. */
  [Symbol.dispose](): void {
    this.release();
  }
}
