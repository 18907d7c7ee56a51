import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Descriptors that stay free for what a process does besides taking in clients: the handshakes
 * under way, files it reads, a client's own connection.
 */
const RESERVE = 8;

/**
 * Tells when a process comes near its limit of open descriptors, so that a client can still be
 * told.
 *
 * At the limit itself it is too late: libuv closes connections without a word, and the kernel cuts
 * off descriptors that are passed.
 */
export class DescriptorReserve {
  readonly #highest: number;

  /** @param limit of open descriptors; the soft limit of this process as it is now by default */
  constructor(limit = softLimit()) {
    this.#highest = limit - RESERVE;
  }

  /** Whether few are left. @param lowest the lowest free descriptor, or one that was just made */
  isShort(lowest: number = lowestFree()): boolean {
    return lowest >= this.#highest;
  }
}

/** RLIMIT_NOFILE; Infinity where nobody says. */
function softLimit(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'latin1');
    const limit = Number(/^Max open files +(\d+)/m.exec(text)?.[1]);
    return Number.isNaN(limit) ? Infinity : limit;
  } catch {
    return Infinity; // No /proc.
  }
}

function lowestFree(): number {
  try {
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    return fd;
  } catch {
    return Infinity; // There is none.
  }
}
