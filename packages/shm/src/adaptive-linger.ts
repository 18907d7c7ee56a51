/** How long to stay awake for a peer that is awake too, in milliseconds: several turns of both. */
const LINGER_MS = 0.1;

/** How long to stay awake, now and then, for a peer that has to be woken: a slow wake-up. */
const PROBE_MS = 0.5;

/**
 * Idle periods from one such probe to the next: few after lingering has just paid, so that one
 * hiccup
 * does not end it; twice as many after each probe that leads to nothing, up to so few probes that
 * they cannot be seen in the 99th percentile.
 */
const PROBE_FIRST = 2;
const PROBE_LAST = 256;

/** Idle periods after which the score is looked at. */
const TRIAL = 16;

/** Lingering goes on when at least this many of a trial's idle periods ended in time. */
const HITS_WANTED = 8;

/** Idle periods without lingering after a failed trial. */
const PAUSE = 64;

/**
 * Decides how long a side that has run dry stays awake before it sleeps.
 *
 * A sleeping side costs its peer a system call and itself a wake-up, together far more than the
 * time
 * between two messages of a busy connection. Staying awake pays when both sides do it: alone, it
 * only keeps a processor from the peer. So a side lingers while the peer is awake (each sees the
 * other's sleep word) and while that succeeds often enough; and once in a while it lingers for a
 * sleeping peer as well, which then finds it awake and joins in.
 *
 * A connection without traffic costs nothing: an idle period begins with records delivered.
 */
export class AdaptiveLinger {
  readonly #isEnabled: boolean;
  #hits = 0;
  #misses = 0;
  /** Idle periods that are still to pass without lingering. */
  #pause = 0;
  #untilProbe = PROBE_FIRST;
  #probeInterval = PROBE_FIRST;
  /** When this idle period's lingering ends; 0 while there is none. */
  #endsAt = 0;
  #isProbe = false;

  /** @param isEnabled false where a second processor is missing, or the program does not want it */
  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Records were delivered: if this side was lingering, it did so with success. */
  onRecords(): void {
    if (this.#endsAt === 0) return;
    this.#endsAt = 0;
    if (!this.#isProbe) this.#score(true);
  }

  /**
   * Whether to stay awake; asked again and again while there is nothing to do.
   *
   * @param nowMs on `performance.now()`'s clock
   * @param peerIsAwake whether the peer's sleep word says so
   */
  shouldLinger(nowMs: number, peerIsAwake: boolean): boolean {
    if (!this.#isEnabled) return false;
    if (this.#endsAt === 0) return this.#begin(nowMs, peerIsAwake);
    if (nowMs < this.#endsAt) return true;
    this.#endsAt = 0;
    if (!this.#isProbe) this.#score(false);
    return false;
  }

  #begin(nowMs: number, peerIsAwake: boolean): boolean {
    this.#isProbe = !peerIsAwake;
    if (this.#isProbe) {
      if (--this.#untilProbe > 0) return false;
      this.#probeInterval = Math.min(this.#probeInterval * 2, PROBE_LAST);
      this.#untilProbe = this.#probeInterval;
    } else if (this.#pause > 0) {
      this.#pause--;
      return false;
    }
    this.#endsAt = nowMs + (this.#isProbe ? PROBE_MS : LINGER_MS);
    return true;
  }

  #score(isHit: boolean): void {
    if (isHit) {
      this.#hits++;
      this.#probeInterval = PROBE_FIRST;
      this.#untilProbe = PROBE_FIRST;
    } else {
      this.#misses++;
    }
    const hasFailed = this.#misses > TRIAL - HITS_WANTED;
    if (hasFailed) this.#pause = PAUSE;
    if (!hasFailed && this.#hits + this.#misses < TRIAL) return;
    this.#hits = 0;
    this.#misses = 0;
  }
}
