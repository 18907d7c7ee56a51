/**
 * Longest time to stay awake with nothing to do, in milliseconds: two to three wake-ups of a sleeping
 * process, so that one side that lingers still catches the answer of one that had to be woken.
 */
const LINGER_MS = 0.1;

/** Idle periods after which the score is looked at. */
const TRIAL = 16;

/** Lingering goes on when at least this many of a trial's idle periods ended in time. */
const HITS_WANTED = 8;

/** Idle periods without lingering after a failed trial: at first, and at most. */
const PAUSE_FIRST = 64;
const PAUSE_LAST = 4096;

/**
 * Decides how long a side that has run dry stays awake before it sleeps.
 *
 * A sleeping side costs its peer a system call and itself a wake-up, together far more than the time
 * between two messages of a busy connection. So it lingers for a moment, turning the event loop, and
 * keeps a score: while at least half of the idle periods end in that moment it goes on, else it
 * stops, and tries again after a while, each time a longer one. Trials are several periods long,
 * since lingering pays most when both sides do it at once.
 *
 * A connection without traffic costs nothing: an idle period begins with records delivered.
 */
export class AdaptiveLinger {
  readonly #isEnabled: boolean;
  #hits = 0;
  #misses = 0;
  /** Idle periods that are still to pass without lingering. */
  #pause = 0;
  #nextPause = PAUSE_FIRST;
  /** When this idle period's lingering ends; 0 while there is none. */
  #endsAt = 0;

  /** @param isEnabled false where a second processor is missing, or the program does not want it */
  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Records were delivered: if this side was lingering, it did so with success. */
  onRecords(): void {
    if (this.#endsAt === 0) return;
    this.#endsAt = 0;
    this.#hits++;
    if (this.#hits + this.#misses < TRIAL) return;
    this.#hits = 0;
    this.#misses = 0;
    this.#nextPause = PAUSE_FIRST;
  }

  /**
   * Whether to stay awake; asked again and again while there is nothing to do.
   *
   * @param nowMs on `performance.now()`'s clock
   */
  shouldLinger(nowMs: number): boolean {
    if (!this.#isEnabled) return false;
    if (this.#endsAt === 0) {
      if (this.#pause > 0) {
        this.#pause--;
        return false;
      }
      this.#endsAt = nowMs + LINGER_MS;
      return true;
    }
    if (nowMs < this.#endsAt) return true;
    this.#endsAt = 0;
    this.#onMiss();
    return false;
  }

  #onMiss(): void {
    this.#misses++;
    if (this.#misses <= TRIAL - HITS_WANTED) return;
    this.#hits = 0;
    this.#misses = 0;
    this.#pause = this.#nextPause;
    this.#nextPause = Math.min(this.#nextPause * 2, PAUSE_LAST);
  }
}
