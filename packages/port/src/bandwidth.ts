/** Bytes that may go at once after a pause: a tenth of a second's worth, at least one page. */
const BURST_SECONDS = 0.1;
const BURST_BYTES_MIN = 4096;

/**
 * Limits bytes per second. A message may overdraw: then the next one waits until that is made good.
 */
export class Bandwidth {
  readonly #bytesPerSecond: number;
  readonly #burstBytes: number;
  #available: number;
  #atMs: number;

  /** @param nowMs on `performance.now()`'s clock */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#burstBytes = Math.max(bytesPerSecond * BURST_SECONDS, BURST_BYTES_MIN);
    this.#available = this.#burstBytes;
    this.#atMs = nowMs;
  }

  /** Milliseconds until the next message may go; 0 for now. */
  waitMs(nowMs: number): number {
    if (this.#bytesPerSecond === Infinity) return 0;
    const earned = ((nowMs - this.#atMs) / 1000) * this.#bytesPerSecond;
    this.#available = Math.min(this.#available + earned, this.#burstBytes);
    this.#atMs = nowMs;
    return this.#available > 0 ? 0 : (-this.#available / this.#bytesPerSecond) * 1000 + 1;
  }

  /** A message with so many bytes goes. */
  use(bytes: number): void {
    if (this.#bytesPerSecond !== Infinity) this.#available -= bytes;
  }
}
