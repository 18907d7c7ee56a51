import {
  PortError,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RECORD_OFFSET,
  REGION_HEADER_BYTES,
  REGION_OFFSET,
  alignRecord,
} from '@portcall/wire';

import type { Region } from './region.js';

const OUT_TAIL = REGION_OFFSET.OUT_TAIL / 4;
const IN_HEAD = REGION_OFFSET.IN_HEAD / 4;

/**
 * Most bytes copied out at once, unless one record is longer: bounds the work between two yields.
 */
const BATCH_BYTES = 64 * 1024;

/**
 * The reading end of a ring: copies what has been published into private memory, checks it there,
 * and gives the room back before anybody looks at the contents.
 */
export class RingConsumer {
  /** Private memory that holds the batch; overwritten by the next one. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  readonly #ring: Uint8Array;
  readonly #words: Int32Array;
  readonly #peerWords: Int32Array;
  readonly #capacity: number;
  #head: number;
  /** Length of the batch in `bytes`: whole records only. */
  #batchEnd = 0;
  #position = 0;

  /** @param startCursor where both cursors begin; for tests of the wrap at 2^32 */
  constructor(peer: Region, ownWords: Int32Array, startCursor = 0) {
    this.#ring = new Uint8Array(peer.mapping, REGION_HEADER_BYTES);
    this.#words = ownWords;
    this.#peerWords = peer.words;
    this.#capacity = peer.ringBytes;
    // A record is at most half a ring (RingProducer.recordBytesMax), padding can be longer.
    this.bytes = new Uint8Array(Math.max(peer.ringBytes / 2, RECORD_HEADER_BYTES));
    this.view = new DataView(this.bytes.buffer);
    this.#head = startCursor >>> 0;
  }

  /** True when the peer has published something that was not copied yet. */
  hasRecords(): boolean {
    return Atomics.load(this.#peerWords, OUT_TAIL) >>> 0 !== this.#head;
  }

  /**
   * Copies and checks the next batch, and frees its room in the ring.
   *
   * @returns false when nothing was published
   * @throws PortError PROTOCOL_ERROR when cursor or record headers are impossible
   */
  copyBatch(): boolean {
    // Pairs with the store in RingProducer.commit.
    const tail = Atomics.load(this.#peerWords, OUT_TAIL) >>> 0;
    const available = (tail - this.#head) >>> 0;
    this.#position = 0;
    this.#batchEnd = 0;
    if (available === 0) return false;
    if (available > this.#capacity || (tail & 7) !== 0) {
      throw poisoned(`write cursor is ${available} bytes ahead, ring has ${this.#capacity} bytes`);
    }
    const start = this.#head & (this.#capacity - 1);
    const contiguous = Math.min(available, this.#capacity - start);
    const used = this.#copy(start, contiguous);
    this.#head = (this.#head + used) >>> 0;
    // Pairs with the load in RingProducer: only what has been copied may be overwritten.
    Atomics.store(this.#words, IN_HEAD, this.#head);
    return true;
  }

  /** Offset of the next record of the batch in `bytes`, or −1 after the last one. */
  next(): number {
    const offset = this.#position;
    if (offset >= this.#batchEnd) return -1;
    this.#position += alignRecord(this.view.getUint32(offset + RECORD_OFFSET.LENGTH, true));
    return offset;
  }

  /** Copies whole records from the ring's `start`. @returns bytes of the ring they took */
  #copy(start: number, contiguous: number): number {
    let copied = Math.min(contiguous, BATCH_BYTES, this.bytes.length);
    this.#fill(start, 0, copied);
    let end = 0;
    while (end + RECORD_HEADER_BYTES <= copied) {
      const recordBytes = this.#checkHeader(end, contiguous - end);
      const space = alignRecord(recordBytes);
      if (this.view.getUint32(end + RECORD_OFFSET.KIND, true) === RECORD_KIND.PADDING) {
        // Only ever the rest of the ring: nothing behind it in this batch, and nothing to copy.
        this.#batchEnd = end;
        return end + space;
      }
      if (end + space > copied) {
        if (end > 0) break;
        this.#fill(start, copied, space);
        copied = space;
      }
      end += space;
    }
    this.#batchEnd = end;
    return end;
  }

  #fill(start: number, from: number, to: number): void {
    this.bytes.set(this.#ring.subarray(start + from, start + to), from);
  }

  /** The one place that looks at a record header from a ring; in the private copy. */
  #checkHeader(offset: number, remaining: number): number {
    const recordBytes = this.view.getUint32(offset + RECORD_OFFSET.LENGTH, true);
    // Kind and the reserved field behind it, as one number.
    const kind = this.view.getUint32(offset + RECORD_OFFSET.KIND, true);
    // `remaining` is a multiple of the alignment, so the gap behind a record fits too. Compared
    // before it is aligned: that is 32-bit arithmetic, and a hostile length would turn negative.
    if (recordBytes < RECORD_HEADER_BYTES || recordBytes > remaining) {
      throw poisoned(`record length is ${recordBytes} bytes, ${remaining} remain`);
    }
    if (kind === RECORD_KIND.PADDING) {
      if (((this.#head + offset + recordBytes) & (this.#capacity - 1)) !== 0) {
        throw poisoned('padding does not end at the end of the ring');
      }
    } else if (kind !== RECORD_KIND.MESSAGE) {
      throw poisoned(`record kind is ${kind}`);
    } else if (recordBytes > this.bytes.length) {
      throw poisoned(`record length is ${recordBytes} bytes, limit is ${this.bytes.length} bytes`);
    }
    return recordBytes;
  }
}

function poisoned(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read ring: peer's ${text}`);
}
