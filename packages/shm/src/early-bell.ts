/** Wake-ups in a row that led to a record at once, before it is expected of the next one. */
const STREAK_WANTED = 8;

/** A bell that came too early costs what eight in time have gained. */
const BALANCE_MAX = 32;
const FAILURE = 8;

/** Wake-ups without trying after too many such bells; twice as many each further time. */
const PAUSE_FIRST = 16;
const PAUSE_LAST = 1024;

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
  #pause = 0;
  #nextPause = PAUSE_FIRST;
  #balance = FAILURE;
  /** This side is up and has sent nothing yet. */
  #isExpecting = false;
  #hasRung = false;

  /** This side was woken and has records. @returns whether to ring, if the peer sleeps */
  onWoken(): boolean {
    this.#isExpecting = true;
    this.#hasRung = false;
    if (this.#pause > 0) {
      this.#pause--;
      return false;
    }
    return this.#streak >= STREAK_WANTED;
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
    if (needsBell) this.#fail();
    else if (this.#balance < BALANCE_MAX && ++this.#balance === BALANCE_MAX) {
      this.#nextPause = PAUSE_FIRST;
    }
  }

  /** This side goes to sleep. */
  onRest(): void {
    if (!this.#isExpecting) return;
    this.#isExpecting = false;
    this.#streak = 0;
    if (this.#hasRung) this.#fail();
  }

  #fail(): void {
    this.#balance -= FAILURE;
    if (this.#balance > 0) return;
    this.#balance = FAILURE;
    this.#pause = this.#nextPause;
    this.#nextPause = Math.min(this.#nextPause * 2, PAUSE_LAST);
  }
}
