import {
  PortError,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RECORD_OFFSET,
  alignRecord,
} from '@portcall/wire';

import type { LinkHandler } from './contract.js';

/** Longest record whose aligned length is a positive 32-bit number. */
const STREAM_RECORD_BYTES_MAX = 0x7ffffff8;

/**
 * Finds the records in a byte stream and hands them to the handler.
 *
 * Pieces are private memory (the kernel copied them), so complete records are delivered in place; a
 * record that spans pieces is put together in a buffer of its own, never larger than the limit.
 */
export class RecordStream {
  readonly #handler: LinkHandler;
  readonly #recordBytesMax: number;
  /** A record that is not complete yet, or its header; `#filled` bytes of it have arrived. */
  #partial: Uint8Array = new Uint8Array(RECORD_HEADER_BYTES);
  #filled = 0;
  /** Bytes that fill the last record up and have not come yet: nobody waits for them. */
  #gapBytes = 0;

  constructor(handler: LinkHandler, limits: { readonly recordBytesMax: number }) {
    this.#handler = handler;
    this.#recordBytesMax = Math.min(
      limits.recordBytesMax + RECORD_HEADER_BYTES,
      STREAM_RECORD_BYTES_MAX,
    );
  }

  /** Takes a piece of the stream. @throws PortError PROTOCOL_ERROR */
  push(piece: Uint8Array): void {
    let position = this.#skipGap(piece, 0);
    if (this.#filled > 0) position = this.#complete(piece, position);
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    while (piece.length - position >= RECORD_HEADER_BYTES) {
      const recordBytes = this.#checkHeader(view, position);
      if (position + recordBytes > piece.length) break;
      const start = position;
      position = this.#passGap(piece, position + recordBytes, recordBytes);
      this.#deliver(piece, view, start, recordBytes);
    }
    if (position < piece.length) this.#keep(piece, view, position);
  }

  /** Fills the partial record from the piece. @returns how much of the piece was used */
  #complete(piece: Uint8Array, from: number): number {
    let used = this.#fill(piece, from);
    if (this.#filled === RECORD_HEADER_BYTES && this.#partial.length === RECORD_HEADER_BYTES) {
      const header = this.#partial;
      const recordBytes = this.#checkHeader(new DataView(header.buffer), 0);
      this.#partial = new Uint8Array(recordBytes);
      this.#partial.set(header);
      used = this.#fill(piece, used);
    }
    if (this.#filled < this.#partial.length || this.#filled < RECORD_HEADER_BYTES) return used;
    const record = this.#partial;
    const view = new DataView(record.buffer);
    this.#partial = new Uint8Array(RECORD_HEADER_BYTES);
    this.#filled = 0;
    used = this.#passGap(piece, used, record.length);
    this.#deliver(record, view, 0, record.length);
    return used;
  }

  /** As `#skipGap`, for the gap behind a record; before a handler sees it, which may throw. */
  #passGap(piece: Uint8Array, from: number, recordBytes: number): number {
    this.#gapBytes = alignRecord(recordBytes) - recordBytes;
    return this.#skipGap(piece, from);
  }

  /** @returns where the next record begins in the piece, or its end */
  #skipGap(piece: Uint8Array, from: number): number {
    const skipped = Math.min(this.#gapBytes, piece.length - from);
    this.#gapBytes -= skipped;
    return from + skipped;
  }

  #fill(piece: Uint8Array, from: number): number {
    const count = Math.min(this.#partial.length - this.#filled, piece.length - from);
    this.#partial.set(piece.subarray(from, from + count), this.#filled);
    this.#filled += count;
    return from + count;
  }

  #keep(piece: Uint8Array, view: DataView, position: number): void {
    if (piece.length - position >= RECORD_HEADER_BYTES) {
      this.#partial = new Uint8Array(this.#checkHeader(view, position));
    }
    this.#fill(piece, position);
  }

  #deliver(bytes: Uint8Array, view: DataView, position: number, recordBytes: number): void {
    const bodyBytes = recordBytes - RECORD_HEADER_BYTES;
    this.#handler.onRecord(bytes, view, position + RECORD_HEADER_BYTES, bodyBytes);
  }

  /** The one place that looks at a record header of a stream. @returns the record's length */
  #checkHeader(view: DataView, position: number): number {
    const recordBytes = view.getUint32(position + RECORD_OFFSET.LENGTH, true);
    if (recordBytes < RECORD_HEADER_BYTES || recordBytes > this.#recordBytesMax) {
      throw new PortError(
        'PROTOCOL_ERROR',
        `Cannot read record: length is ${recordBytes} bytes, limit is ${this.#recordBytesMax} ` +
          `bytes`,
      );
    }
    // Kind and the reserved field behind it, as one number.
    const kind = view.getUint32(position + RECORD_OFFSET.KIND, true);
    if (kind !== RECORD_KIND.MESSAGE) {
      throw new PortError('PROTOCOL_ERROR', `Cannot read record: kind is ${kind}`);
    }
    return recordBytes;
  }
}
