/** Lets a few events through at once, and then so many in a time. */
export class RateLimit {
  readonly #burst: number;
  readonly #intervalMs: number;
  #left: number;
  #atMs = -Infinity;

  /** @param intervalMs after which one more event may pass */
  constructor(burst: number, intervalMs: number) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
    this.#left = burst;
  }

  /** Whether one more event passes. @param nowMs on `performance.now()`'s clock */
  tryPass(nowMs: number): boolean {
    const earned = Math.floor((nowMs - this.#atMs) / this.#intervalMs);
    if (earned > 0) {
      this.#left = Math.min(this.#left + earned, this.#burst);
      this.#atMs = nowMs;
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}

/** For warnings of floods at one port: a few, then one in ten seconds. No client fills the log. */
export function floodWarningLimit(): RateLimit {
  return new RateLimit(5, 10_000);
}
