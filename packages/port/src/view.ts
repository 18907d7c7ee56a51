import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** The data of a message as memory that can be given back before a garbage collection. */
export interface View extends Disposable {
  /** The data; of length 0 once it is released. */
  readonly bytes: Uint8Array;
  /** Keeps the view when the handler returns; then `release()` is the receiver's duty. */
  retain(): void;
  /** Gives the memory back now. Safe to call twice. */
  release(): void;
}

/**
 * Takes memory over and drops it: a closed port does both at once (Node: MessagePort::PostMessage). What
 * `structuredClone` takes over lives in its result until that is collected.
 */
const NOWHERE = closedPort();

function closedPort(): MessagePort {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

/** A view of memory that belongs to this message alone. */
export class PrivateView implements View {
  readonly bytes: Uint8Array;
  #isRetained = false;
  #onRelease: (() => void) | undefined;

  /** @param onRelease called once, when it is released */
  constructor(bytes: Uint8Array, onRelease: () => void) {
    this.bytes = bytes;
    this.#onRelease = onRelease;
  }

  retain(): void {
    this.#isRetained = true;
  }

  release(): void {
    const onRelease = this.#onRelease;
    if (onRelease === undefined) return;
    this.#onRelease = undefined;
    // Detached: every view of it has length 0 from now on, and the pages go back at once.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, no window
    NOWHERE.postMessage(undefined, [this.bytes.buffer as ArrayBuffer]);
    onRelease();
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
