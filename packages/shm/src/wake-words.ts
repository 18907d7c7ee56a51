import { REGION_OFFSET } from '@portcall/wire';

const SLEEP_EPOCH = REGION_OFFSET.SLEEP_EPOCH / 4;
const SPACE_EPOCH = REGION_OFFSET.SPACE_EPOCH / 4;

/**
 * Who sleeps, and who has been rung.
 *
 * Each side's sleep word is an epoch in its own region: odd while it sleeps. The other side rings
 * at most once per odd epoch, so a stream of records to a sleeper costs one doorbell.
 *
 * The order that makes it work, on both sides: the sender publishes its cursor, then reads the
 * epoch; the sleeper publishes its epoch, then reads the cursor. With sequentially consistent
 * Atomics at least one of them sees the other.
 */
export class WakeWords {
  readonly #words: Int32Array;
  readonly #peerWords: Int32Array;
  #epoch = 0;
  #rungSleep = 0;
  #rungSpace = 0;

  constructor(ownWords: Int32Array, peerWords: Int32Array) {
    this.#words = ownWords;
    this.#peerWords = peerWords;
  }

  /** Says that this side sleeps. The caller must look at its ring once more after this. */
  sleep(): void {
    if ((this.#epoch & 1) === 1) return;
    this.#epoch = (this.#epoch + 1) >>> 0;
    Atomics.store(this.#words, SLEEP_EPOCH, this.#epoch);
  }

  /** Says that this side is awake and needs no doorbell. @returns whether it had been asleep */
  wake(): boolean {
    if ((this.#epoch & 1) === 0) return false;
    this.#epoch = (this.#epoch + 1) >>> 0;
    Atomics.store(this.#words, SLEEP_EPOCH, this.#epoch);
    return true;
  }

  /** Whether the peer is awake, or was rung and will be. A hint: it may fall asleep any moment. */
  isPeerUp(): boolean {
    return !this.mayNeedRecordBell();
  }

  /** As `peerNeedsRecordBell`, but leaves it to ring: this side is not the one to do it now. */
  mayNeedRecordBell(): boolean {
    const epoch = Atomics.load(this.#peerWords, SLEEP_EPOCH) >>> 0;
    return (epoch & 1) === 1 && epoch !== this.#rungSleep;
  }

  /** After a commit: whether the peer sleeps and has not been rung for this sleep. */
  peerNeedsRecordBell(): boolean {
    const epoch = Atomics.load(this.#peerWords, SLEEP_EPOCH) >>> 0;
    if ((epoch & 1) === 0 || epoch === this.#rungSleep) return false;
    this.#rungSleep = epoch;
    return true;
  }

  /** After room was made: whether the peer waits for it and has not been rung for this wait. */
  peerNeedsSpaceBell(): boolean {
    const epoch = Atomics.load(this.#peerWords, SPACE_EPOCH) >>> 0;
    if ((epoch & 1) === 0 || epoch === this.#rungSpace) return false;
    this.#rungSpace = epoch;
    return true;
  }
}
