import {
  PortError,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RECORD_OFFSET,
  REGION_HEADER_BYTES,
  REGION_OFFSET,
  alignRecord,
} from '@portcall/wire';
import type { RecordClaim } from '@portcall/transport';

import type { Region } from './region.js';

const OUT_TAIL = REGION_OFFSET.OUT_TAIL / 4;
const IN_HEAD = REGION_OFFSET.IN_HEAD / 4;
const SPACE_EPOCH = REGION_OFFSET.SPACE_EPOCH / 4;

/**
 * The writing end of a ring: claim, encode in place, commit. One thread, one producer.
 *
 * Claims lie in this side's own region, which nobody else can write, so encoding straight into it
 * is safe. The reader's cursor comes from the peer's region and is checked each time it is read.
 */
export class RingProducer implements RecordClaim {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Start of the claimed body, in `bytes`. */
  offset = 0;
  /** End of the claim, in `bytes`. */
  limit = 0;
  /** Longest record body: half a ring always finds room, wherever the cursor stands. */
  readonly recordBytesMax: number;
  readonly #words: Int32Array;
  readonly #peerWords: Int32Array;
  readonly #capacity: number;
  /** Bytes written, modulo 2^32; what the peer has been told. */
  #tail: number;
  /** As `#tail`, without the wrap. */
  #written: number;
  /** Where the claimed record starts: `#tail`, or the ring's start when padding goes first. */
  #claimTail = 0;
  /** Last good value of the peer's read cursor. */
  #head: number;
  #spaceEpoch = 0;
  #frozen = false;

  /** @param startCursor where both cursors begin; for tests of the wrap at 2^32 */
  constructor(own: Region, peerWords: Int32Array, startCursor = 0) {
    this.bytes = new Uint8Array(own.mapping, REGION_HEADER_BYTES);
    this.view = new DataView(own.mapping, REGION_HEADER_BYTES);
    this.#words = own.words;
    this.#peerWords = peerWords;
    this.#capacity = own.ringBytes;
    this.recordBytesMax = own.ringBytes / 2 - RECORD_HEADER_BYTES;
    this.#tail = startCursor >>> 0;
    this.#written = this.#tail;
    this.#head = startCursor >>> 0;
  }

  /** Bytes written so far. Never wraps: a mark stays good however much follows it. */
  get tail(): number {
    return this.#written;
  }

  /**
   * Room for a body of at least `minBytes`, or false when the ring is too full now.
   *
   * @throws RangeError when it could never fit; PortError PROTOCOL_ERROR on a bad peer cursor
   */
  tryClaim(minBytes: number): boolean {
    if (minBytes > this.recordBytesMax) {
      throw new RangeError(
        `Cannot claim record: length is ${minBytes} bytes, limit is ${this.recordBytesMax} bytes`,
      );
    }
    const need = alignRecord(RECORD_HEADER_BYTES + minBytes);
    const position = this.#tail & (this.#capacity - 1);
    const contiguous = this.#capacity - position;
    const padding = contiguous < need ? contiguous : 0;
    let free = this.#capacity - ((this.#tail - this.#head) >>> 0);
    if (free < padding + need) {
      this.#refreshHead();
      free = this.#capacity - ((this.#tail - this.#head) >>> 0);
      if (free < padding + need) return false;
    }
    if (padding > 0) this.#writePadding(position, padding);
    const start = padding > 0 ? 0 : position;
    this.#claimTail = (this.#tail + padding) >>> 0;
    this.offset = start + RECORD_HEADER_BYTES;
    const recordMax = RECORD_HEADER_BYTES + this.recordBytesMax;
    this.limit = start + Math.min(free - padding, this.#capacity - start, recordMax);
    return true;
  }

  /** Publishes the first `lengthBytes` of the claim as a record. */
  commit(lengthBytes: number): void {
    const start = this.offset - RECORD_HEADER_BYTES;
    const recordBytes = RECORD_HEADER_BYTES + lengthBytes;
    this.view.setUint32(start + RECORD_OFFSET.LENGTH, recordBytes, true);
    this.view.setUint32(start + RECORD_OFFSET.KIND, RECORD_KIND.MESSAGE, true);
    const tail = (this.#claimTail + alignRecord(recordBytes)) >>> 0;
    this.#written += (tail - this.#tail) >>> 0;
    this.#tail = tail;
    // Pairs with the load in RingConsumer: everything written before is visible to who sees this.
    Atomics.store(this.#words, OUT_TAIL, this.#tail);
  }

  /**
   * Says that this side waits for room, then looks once more: the consumer either sees the mark or
   * had already made the room that this second look finds.
   *
   * The consumer rings once for each mark: one that was made here and is not needed goes at once,
   * or it would be taken for the mark of the next wait, with its bell spent.
   *
   * @returns true when there is room for a body of `minBytes` after all
   */
  waitForSpace(minBytes: number): boolean {
    const didWait = (this.#spaceEpoch & 1) === 1;
    this.announceWait();
    const hasRoom = this.tryClaim(minBytes);
    if (hasRoom && !didWait) this.stopWaiting();
    return hasRoom;
  }

  /** Says that this side waits for room. A claim that was made stays as it is. */
  announceWait(): void {
    if ((this.#spaceEpoch & 1) === 1) return;
    this.#spaceEpoch = (this.#spaceEpoch + 1) >>> 0;
    Atomics.store(this.#words, SPACE_EPOCH, this.#spaceEpoch);
  }

  /** Takes the mark of `waitForSpace` away. */
  stopWaiting(): void {
    if ((this.#spaceEpoch & 1) === 0) return;
    this.#spaceEpoch = (this.#spaceEpoch + 1) >>> 0;
    Atomics.store(this.#words, SPACE_EPOCH, this.#spaceEpoch);
  }

  /** Takes the peer's cursor for the last time: its memory is about to go. */
  freeze(): void {
    if (this.#frozen) return;
    try {
      this.#refreshHead();
    } catch {
      this.#head = this.#tail; // A liar may have read anything: then nothing counts as unread.
    }
    this.#frozen = true;
  }

  /** True unless the peer certainly never read up to `mark`, a former `tail`. */
  wasConsumed(mark: number): boolean {
    if (!this.#frozen) this.#refreshHead();
    return this.#written - mark >= (this.#tail - this.#head) >>> 0;
  }

  /** The peer's cursor: read once, then checked, since the peer may write anything there. */
  #refreshHead(): void {
    // Pairs with the store in RingConsumer: what it has copied out may be overwritten.
    const head = Atomics.load(this.#peerWords, IN_HEAD) >>> 0;
    const outstanding = (this.#tail - this.#head) >>> 0;
    const progress = (head - this.#head) >>> 0;
    if (progress > outstanding || (head & 7) !== 0) {
      throw new PortError(
        'PROTOCOL_ERROR',
        `Cannot use ring: peer's read cursor moved ${progress} bytes, ${outstanding} were ` +
          `outstanding`,
      );
    }
    this.#head = head;
  }

  #writePadding(position: number, paddingBytes: number): void {
    this.view.setUint32(position + RECORD_OFFSET.LENGTH, paddingBytes, true);
    this.view.setUint32(position + RECORD_OFFSET.KIND, RECORD_KIND.PADDING, true);
  }
}
