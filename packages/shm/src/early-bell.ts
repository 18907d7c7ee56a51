import { SuccessBalance, type SuccessTerms } from './success-balance.js';

/** Wake-ups in a row that led to a record at once, before it is expected of the next one. */
const STREAK_WANTED = 8;

/** A bell that came too early costs what eight in time have gained; occasions are wake-ups. */
const TERMS: SuccessTerms = {
  first: 8,
  again: 8,
  max: 32,
  failure: 8,
  pauseFirst: 16,
  pauseLast: 1024,
};

/**
 * Decides whether a side that was just woken rings the sleeping peer at once, before it has
 * anything for it.
 *
 * Where each wake-up leads to an answer within a few microseconds, the peer wakes up meanwhile, and
 * finds the record when it is there: two delays become one. A bell too many harms nobody, but costs
 * two context switches: so it is tried only while the record nearly always was there in time.
 */
export class EarlyBell {
  #streak = 0;
  readonly #balance = new SuccessBalance(TERMS);
  /** This side is up and has sent nothing yet. */
  #isExpecting = false;
  #hasRung = false;

  /** This side was woken and has records. @returns whether to ring, if the peer sleeps */
  onWoken(): boolean {
    this.#isExpecting = true;
    this.#hasRung = false;
    return this.#balance.mayTry() && this.#streak >= STREAK_WANTED;
  }

  /** The peer was asleep and has been rung before there was a record. */
  onRung(): void {
    this.#hasRung = true;
  }

  /** A record was committed. @param needsBell whether the peer sleeps and does not know of it */
  onCommitted(needsBell: boolean): void {
    if (!this.#isExpecting) return;
    this.#isExpecting = false;
    this.#streak++;
    if (!this.#hasRung) return;
    if (needsBell) this.#balance.onFailure();
    else this.#balance.onSuccess();
  }

  /** This side goes to sleep. */
  onRest(): void {
    if (!this.#isExpecting) return;
    this.#isExpecting = false;
    this.#streak = 0;
    if (this.#hasRung) this.#balance.onFailure();
  }
}
