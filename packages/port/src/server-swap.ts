import { isPortError } from '@portcall/wire';

import { fileIdOf } from './name-files.js';

/**
 * Tells a client whose connection failed whether another server has the name since: then the
 * failure was the old server's, on its way out, and the client asks again.
 *
 * Source: `docs/PROTOCOL.md` 2.3.
 */
export class ServerSwap {
  readonly #address: string | undefined;
  #before: string | undefined;

  /** @param address path of the socket; `undefined` where there is no file */
  constructor(address: string | undefined) {
    this.#address = address;
  }

  /** Before each attempt: remembers which socket it goes to. */
  remember(): void {
    this.#before = this.#look();
  }

  /**
   * Whether to try again: the kernel refused, or the connection ended before any answer, and
   * another socket is in place now.
   */
  explains(error: unknown): boolean {
    if (!isPortError(error)) return false;
    if (error.code !== 'PORT_NOT_FOUND' && error.code !== 'DISCONNECTED') return false;
    return this.hasHappened();
  }

  /** Whether another socket is in place than before the attempt. */
  hasHappened(): boolean {
    const now = this.#look();
    return now !== undefined && now !== this.#before;
  }

  /**
   * With the time of its last change: the number of a closed socket's file is given to the next.
   * A socket whose mode was changed is taken for another; that costs one attempt more.
   */
  #look(): string | undefined {
    if (this.#address === undefined) return undefined;
    try {
      const stats = fileIdOf(this.#address);
      return stats && `${stats.dev} ${stats.ino} ${stats.ctimeNs}`;
    } catch {
      return undefined; // We may not look there; connecting says why.
    }
  }
}
