import { readFileSync } from 'node:fs';

/** Looks at the peer so often within a lease: detection is as exact as one part of it. */
const LOOKS_PER_LEASE = 10;

/** What a lease asks of its channel. */
export interface LeaseHost {
  /** Messages received so far. */
  receivedCount(): number;
  /** Whether the peer owes this side an answer. */
  isWaiting(): boolean;
  /** The peer's process. */
  readonly peerPid: number;
  /** Sends a PING that is answered if the peer is there. */
  ping(): void;
  /** The peer neither answered nor worked for the whole lease. */
  onExpired(): void;
}

/**
 * Watches a peer that owes an answer: one that says nothing and does no work has been frozen.
 *
 * A peer that computes (its processor time grows) keeps its lease, however long it computes. This
 * side's own pauses do not count: time is counted in looks, not on a clock.
 */
export class Lease {
  readonly #host: LeaseHost;
  readonly #lookMs: number;
  #timer: NodeJS.Timeout | undefined;
  #silentLooks = 0;
  #seenCount = 0;
  #seenWork: number | undefined;

  constructor(host: LeaseHost, leaseMs: number) {
    this.#host = host;
    this.#lookMs = leaseMs / LOOKS_PER_LEASE;
  }

  /** The peer owes an answer from now on. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#reset();
    this.#timer = setInterval(() => this.#look(), this.#lookMs);
    this.#timer.unref();
  }

  /** The connection has ended. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    if (!this.#host.isWaiting()) {
      this.stop();
      return;
    }
    if (this.#host.receivedCount() !== this.#seenCount) {
      this.#reset();
      return;
    }
    this.#silentLooks++;
    if (this.#silentLooks === LOOKS_PER_LEASE / 2) {
      this.#seenWork = workOf(this.#host.peerPid);
      this.#host.ping();
    }
    if (this.#silentLooks < LOOKS_PER_LEASE) return;
    const work = workOf(this.#host.peerPid);
    if (work === undefined || work !== this.#seenWork) {
      this.#reset();
      return;
    }
    this.stop();
    this.#host.onExpired();
  }

  #reset(): void {
    this.#silentLooks = 0;
    this.#seenCount = this.#host.receivedCount();
  }
}

/** Processor time of a process in clock ticks; `undefined` where nobody can tell. */
function workOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    // Gone, then it does no more; or not ours to see, then nobody knows.
    return isGone(pid) ? 0 : undefined;
  }
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
