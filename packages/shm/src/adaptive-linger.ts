/** Longest time to stay awake with nothing to do, in milliseconds: about what one wake-up costs. */
const LINGER_MS = 0.06;

/** Weight of the newest observation. */
const WEIGHT = 1 / 8;

/** Lingering pays when at least this share of idle periods ends while it lasts. */
const WORTHWHILE = 0.4;

/** One idle period in this many lingers although it did not pay lately: times change. */
const PROBE_EVERY = 16;

/**
 * Decides how long a side that has run dry stays awake before it sleeps.
 *
 * A sleeping side costs its peer a system call and itself a wake-up, together far more than the
 * time
 * between two messages of a busy connection. So it lingers for a moment, turning the event loop,
 * and
 * learns: while records come during that moment it goes on doing so, when they do not it stops. A
 * connection without traffic costs nothing: lingering starts only after records were delivered.
 */
export class AdaptiveLinger {
  readonly #isEnabled: boolean;
  /** Estimate of the share of idle periods that end within LINGER_MS. */
  #hitRate = 0;
  #idleCount = 0;
  /** When this idle period's lingering ends; 0 while there is none. */
  #endsAt = 0;

  /** @param isEnabled false where a second processor is missing, or the program does not want it */
  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Records were delivered: an idle period, if there was one, ended in time. */
  onRecords(): void {
    if (this.#endsAt === 0) return;
    this.#endsAt = 0;
    this.#hitRate += (1 - this.#hitRate) * WEIGHT;
  }

  /**
   * Whether to stay awake; asked again and again while there is nothing to do.
   *
   * @param nowMs on `performance.now()`'s clock
   */
  shouldLinger(nowMs: number): boolean {
    if (!this.#isEnabled) return false;
    if (this.#endsAt === 0) {
      this.#idleCount++;
      if (this.#hitRate < WORTHWHILE && this.#idleCount % PROBE_EVERY !== 0) return false;
      this.#endsAt = nowMs + LINGER_MS;
      return true;
    }
    if (nowMs < this.#endsAt) return true;
    this.#endsAt = 0;
    this.#hitRate -= this.#hitRate * WEIGHT;
    return false;
  }
}
