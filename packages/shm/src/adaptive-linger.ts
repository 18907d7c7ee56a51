import { SuccessBalance, type SuccessTerms } from './success-balance.js';

/**
 * How long to wait for records before this side sleeps, in milliseconds: about what it costs both
 * sides together to ring, to wake up and to fall asleep again. Longer waits rarely pay.
 */
const LINGER_MS = 0.06;

/**
 * Waits end in time more often than not, or they are not tried: a miss counts for two hits. After a
 * pause one miss is enough for the next, longer one; occasions are idle periods.
 */
const TERMS: SuccessTerms = {
  first: 4,
  again: 2,
  max: 8,
  failure: 2,
  pauseFirst: 16,
  pauseLast: 128,
};

/**
 * Decides how long a side that has run dry stays awake before it sleeps.
 *
 * A sleeping side costs its peer a system call and itself a wake-up, together far more than the
 * time between two messages of a busy connection. Staying awake pays when both sides do it: alone,
 * it only keeps a processor from the peer. So a side waits only for a peer that is up (each sees
 * the other's sleep word) or has just been rung, and only while that succeeds often enough.
 *
 * A connection without traffic costs nothing: an idle period begins with records delivered.
 */
export class AdaptiveLinger {
  readonly #isEnabled: boolean;
  readonly #balance = new SuccessBalance(TERMS);
  /** When this idle period's waiting ends; 0 while there is none. */
  #endsAt = 0;

  /** @param isEnabled false where a second processor is missing, or the program does not want it */
  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Records were delivered: if this side was waiting, it did so with success. */
  onRecords(): void {
    if (this.#endsAt === 0) return;
    this.#endsAt = 0;
    this.#balance.onSuccess();
  }

  /**
   * Whether to stay awake; asked again and again while there is nothing to do.
   *
   * @param nowMs on `performance.now()`'s clock
   * @param peerIsUp whether the peer is awake or about to be
   */
  shouldLinger(nowMs: number, peerIsUp: boolean): boolean {
    if (!this.#isEnabled) return false;
    if (this.#endsAt === 0) return this.#begin(nowMs, peerIsUp);
    if (nowMs < this.#endsAt) return true;
    this.#endsAt = 0;
    this.#balance.onFailure();
    return false;
  }

  #begin(nowMs: number, peerIsUp: boolean): boolean {
    if (!peerIsUp || !this.#balance.mayTry()) return false;
    this.#endsAt = nowMs + LINGER_MS;
    return true;
  }
}
