import { RECORD_HEADER_BYTES, RECORD_KIND, RECORD_OFFSET, alignRecord } from '@portcall/wire';

import type { RecordClaim } from './contract.js';

/** Bytes of a fresh buffer: many small records share one write. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Records on their way out, encoded one after the other into private memory.
 *
 * Used where there is no ring: `take()` hands out what has been committed, and the memory is never
 * written again, since a stream may still hold it.
 */
export class BatchBuffer implements RecordClaim {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  offset = 0;
  limit = 0;
  #start = 0;
  #end = 0;
  readonly #full: Uint8Array[] = [];
  #fullBytes = 0;

  /** Bytes committed and not yet taken. */
  get committedBytes(): number {
    return this.#fullBytes + this.#end - this.#start;
  }

  /** Room for a body of at least `minBytes`; always succeeds. */
  claim(minBytes: number): RecordClaim {
    const needBytes = alignRecord(RECORD_HEADER_BYTES + minBytes);
    if (this.#end + needBytes > this.bytes.length) this.#nextChunk(needBytes);
    this.offset = this.#end + RECORD_HEADER_BYTES;
    this.limit = this.bytes.length;
    return this;
  }

  /** Turns the first `lengthBytes` of the claim into a record. */
  commit(lengthBytes: number): void {
    const recordBytes = RECORD_HEADER_BYTES + lengthBytes;
    this.view.setUint32(this.#end + RECORD_OFFSET.LENGTH, recordBytes, true);
    this.view.setUint32(this.#end + RECORD_OFFSET.KIND, RECORD_KIND.MESSAGE, true);
    this.#end += alignRecord(recordBytes);
  }

  /** What has been committed, in order; empty when there is nothing. */
  take(): readonly Uint8Array[] {
    this.#closeChunk();
    const taken = this.#full.splice(0);
    this.#fullBytes = 0;
    return taken;
  }

  #closeChunk(): void {
    if (this.#end === this.#start) return;
    this.#full.push(this.bytes.subarray(this.#start, this.#end));
    this.#fullBytes += this.#end - this.#start;
    this.#start = this.#end;
  }

  #nextChunk(needBytes: number): void {
    this.#closeChunk();
    // Zeroed memory: the gaps that alignment leaves are sent, and must not show old contents.
    this.bytes = new Uint8Array(Math.max(CHUNK_BYTES, needBytes));
    this.view = new DataView(this.bytes.buffer);
    this.#start = 0;
    this.#end = 0;
  }
}
