import { isPortError } from '@portcall/wire';

import { BatchBuffer } from './batch-buffer.js';
import { MEMORY_CAPABILITIES } from './capabilities.js';
import type { Link, LinkEnd, LinkHandler, RecordClaim } from './contract.js';
import { RecordStream } from './record-stream.js';

/** Bytes that may wait for the other end before claims are refused. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** Largest record body: as on a socket. */
const RECORD_BYTES_MAX = 0x7ffffff0;

/**
 * One of two ends in the same process. What one end commits in a turn, the other gets at its end.
 *
 * Memory is never shared between the ends: a record is read from the sender's buffer during the
 * handler's call, and whoever keeps it copies, as with every other transport.
 */
export class MemoryLink implements Link {
  readonly peer = undefined;
  readonly capabilities = MEMORY_CAPABILITIES;
  readonly transportName = 'memory';
  readonly recordBytesMax = RECORD_BYTES_MAX;
  readonly sections = undefined;
  readonly companions = undefined;
  readonly #batch = new BatchBuffer();
  readonly #arrived: Uint8Array[] = [];
  #other: MemoryLink | undefined;
  #handler: LinkHandler | undefined;
  #stream: RecordStream | undefined;
  #flushQueued = false;
  #wantsRoom = false;
  #draining = false;
  #ended = false;
  /** The other end closed before this one was started. */
  #earlyEnd: LinkEnd | undefined;

  /** Two ends of one connection. */
  static createPair(): readonly [MemoryLink, MemoryLink] {
    const first = new MemoryLink();
    const second = new MemoryLink();
    first.#other = second;
    second.#other = first;
    return [first, second];
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  start(handler: LinkHandler, limits: { readonly recordBytesMax: number }): void {
    this.#handler = handler;
    this.#stream = new RecordStream(handler, limits);
    process.nextTick(() => {
      this.drain();
      if (this.#earlyEnd !== undefined) this.#end(this.#earlyEnd);
    });
  }

  tryClaim(minBytes: number): RecordClaim | undefined {
    if (minBytes > RECORD_BYTES_MAX) {
      throw new RangeError(
        `Cannot claim record: length is ${minBytes} bytes, limit is ${RECORD_BYTES_MAX} bytes`,
      );
    }
    if (this.#ended) return undefined;
    if (this.#batch.committedBytes > HIGH_WATER_BYTES) {
      this.#wantsRoom = true;
      return undefined;
    }
    return this.#batch.claim(minBytes);
  }

  commit(lengthBytes: number): void {
    this.#batch.commit(lengthBytes);
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    process.nextTick(() => this.flush());
  }

  abort(): void {
    // The claim moved no cursor; the next one starts at the same place.
  }

  flush(): void {
    this.#flushQueued = false;
    const other = this.#other;
    if (other === undefined) return;
    other.#arrived.push(...this.#batch.take());
    other.drain();
    if (!this.#wantsRoom || this.#ended) return;
    this.#wantsRoom = false;
    this.#handler?.onWritable();
  }

  drain(): void {
    if (this.#stream === undefined || this.#draining) return;
    this.#draining = true;
    try {
      this.#pushArrived(this.#stream);
    } finally {
      this.#draining = false;
    }
  }

  #pushArrived(stream: RecordStream): void {
    for (let piece = this.#arrived.shift(); piece; piece = this.#arrived.shift()) {
      if (this.#ended) return;
      try {
        stream.push(piece);
      } catch (error) {
        if (!isPortError(error)) throw error;
        this.#end({ kind: 'violation', text: error.message });
      }
    }
  }

  /**
   * Delivers what is queued at both ends: what the other end answers at once is then here. Anything
   * else needs the event loop, for which this thread is the only one.
   */
  wait(): boolean {
    if (this.#draining) throw new TypeError('Cannot wait: this link is delivering a record');
    this.flush();
    const other = this.#other;
    if (other !== undefined) other.#runNow();
    other?.flush();
    return false;
  }

  isPeerAlive(): boolean {
    return true; // It is this process.
  }

  mark(): number {
    return 0;
  }

  wasConsumed(): boolean {
    return true; // Delivery is part of the flush.
  }

  setRef(): void {
    // Nothing here keeps a process alive.
  }

  close(): void {
    if (this.#ended) return;
    this.flush();
    this.#end({ kind: 'local' });
  }

  #runNow(): void {
    this.#handler?.runNow?.();
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return;
    const other = this.#other;
    this.#other = undefined;
    if (this.#handler === undefined && end.kind === 'ended') {
      this.#earlyEnd = end;
      return;
    }
    this.#ended = true;
    process.nextTick(() => {
      this.#handler?.onEnd(end);
      if (other !== undefined) other.#end({ kind: 'ended' });
    });
  }
}
