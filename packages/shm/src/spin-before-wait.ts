/** How long to look for an answer before this thread sleeps, in milliseconds. */
const SPIN_MS = 0.03;

/** Misses in a row after which it is not tried any more, but for a probe now and then. */
const MISSES_MAX = 8;

/** Waits from one such probe to the next. */
const PROBE_INTERVAL = 32;

/**
 * Decides whether a thread that is about to block looks for a moment first: a peer that is awake
 * answers within the time that falling asleep and waking up would cost.
 */
export class SpinBeforeWait {
  readonly #isEnabled: boolean;
  #misses = 0;
  #waits = 0;

  /** @param isEnabled false where a second processor is missing, or the program does not want it */
  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Looks until `isThere`, or for a moment. @returns whether it came */
  spin(isThere: () => boolean): boolean {
    if (!this.#shouldTry()) return false;
    const endsAt = performance.now() + SPIN_MS;
    do {
      if (isThere()) {
        this.#misses = 0;
        return true;
      }
    } while (performance.now() < endsAt);
    this.#misses++;
    return false;
  }

  #shouldTry(): boolean {
    if (!this.#isEnabled) return false;
    this.#waits++;
    return this.#misses < MISSES_MAX || this.#waits % PROBE_INTERVAL === 0;
  }
}
