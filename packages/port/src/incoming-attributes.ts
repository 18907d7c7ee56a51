import {
  ATTRIBUTE,
  BAGGAGE_BYTES_MAX,
  BEHALF_CHAIN_MAX,
  HANDLES_MAX,
  LISTED_ITEM_BYTES,
  RANGES_MAX,
  RANGE_ACCESS,
  SHORT_ATTRIBUTE_BYTES,
  TRACE_BYTES_MAX,
} from '@portcall/wire';

import { align8, type ClaimedIdentity, type WorkOnBehalf } from './outgoing-attributes.js';

/** A range of the sender's memory, as it announced it. */
export interface AnnouncedRange {
  readonly lengthBytes: number;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
}

/** The attributes of a message as they came, checked; what was not sent is `undefined`. */
export interface IncomingAttributes {
  credentialsId: number | undefined;
  batchId: number | undefined;
  /** Descriptors that the batch must have. */
  handleCount: number;
  ranges: readonly AnnouncedRange[] | undefined;
  work: Required<WorkOnBehalf> | undefined;
  onBehalfOf: readonly ClaimedIdentity[] | undefined;
  /** What remains of the sender's deadline. */
  remainingMs: number | undefined;
}

/** A message without attributes. */
export const NO_ATTRIBUTES: Readonly<IncomingAttributes> = Object.freeze({
  credentialsId: undefined,
  batchId: undefined,
  handleCount: 0,
  ranges: undefined,
  work: undefined,
  onBehalfOf: undefined,
  remainingMs: undefined,
});

/**
 * Reads the attributes of a message of a peer, from private memory: the one place that does.
 *
 * @param end no attribute may reach behind it
 * @returns the attributes and where they end, or `undefined` when they are malformed
 */
export function readAttributes(
  mask: number,
  view: DataView,
  offset: number,
  end: number,
): { readonly attributes: IncomingAttributes; readonly end: number } | undefined {
  const cursor = new AttributeCursor(view, offset, end);
  const attributes: IncomingAttributes = { ...NO_ATTRIBUTES };
  try {
    if (mask & ATTRIBUTE.SECURITY) attributes.credentialsId = readId(cursor, 0);
    if (mask & ATTRIBUTE.HANDLE) {
      attributes.handleCount = view.getUint8(cursor.peek(SHORT_ATTRIBUTE_BYTES) + 4);
      attributes.batchId = readId(cursor, attributes.handleCount);
      need(attributes.handleCount >= 1 && attributes.handleCount <= HANDLES_MAX);
    }
    if (mask & ATTRIBUTE.DIRECT) attributes.ranges = readRanges(cursor);
    if (mask & ATTRIBUTE.WORK_ON_BEHALF) attributes.work = readWork(cursor);
    if (mask & ATTRIBUTE.ON_BEHALF_OF) attributes.onBehalfOf = readChain(cursor);
    if (mask & ATTRIBUTE.DEADLINE) attributes.remainingMs = readId(cursor, 0);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
  return { attributes, end: cursor.offset };
}

class Malformed extends Error {}

function need(condition: boolean): void {
  if (!condition) throw new Malformed();
}

/** Walks over attributes without leaving them. */
class AttributeCursor {
  readonly view: DataView;
  offset: number;
  readonly #end: number;

  constructor(view: DataView, offset: number, end: number) {
    this.view = view;
    this.offset = offset;
    this.#end = end;
  }

  /** Where the next `bytes` bytes are. */
  peek(bytes: number): number {
    need(this.offset + bytes <= this.#end);
    return this.offset;
  }

  /** Where the next `bytes` bytes are; goes behind them. */
  take(bytes: number): number {
    const at = this.peek(bytes);
    this.offset += bytes;
    return at;
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** A u64 that a number can hold exactly. */
  u64(): number {
    const low = this.u32();
    const high = this.u32();
    need(high < 0x200000);
    return high * 0x100000000 + low;
  }
}

/** A number that is not 0, and a second word that must be as told. */
function readId(cursor: AttributeCursor, second: number): number {
  const id = cursor.u32();
  need(cursor.u32() === second && id !== 0);
  return id;
}

function readCount(cursor: AttributeCursor, limit: number): number {
  const count = cursor.u32();
  need(cursor.u32() === 0 && count >= 1 && count <= limit);
  cursor.peek(count * LISTED_ITEM_BYTES);
  return count;
}

function readRanges(cursor: AttributeCursor): AnnouncedRange[] {
  return Array.from({ length: readCount(cursor, RANGES_MAX) }, () => {
    const lengthBytes = cursor.u64();
    cursor.u64(); // The address means something only where the kernel copies.
    const access = cursor.u32();
    need(cursor.u32() === 0 && access >= 1 && access <= 3);
    return {
      lengthBytes,
      isReadable: (access & RANGE_ACCESS.READ) !== 0,
      isWritable: (access & RANGE_ACCESS.WRITE) !== 0,
    };
  });
}

function readChain(cursor: AttributeCursor): ClaimedIdentity[] {
  return Array.from({ length: readCount(cursor, BEHALF_CHAIN_MAX) }, () => {
    const [pid, uid, gid] = [cursor.u32(), cursor.u32(), cursor.u32()];
    need(cursor.u32() === 0);
    return { pid, uid, gid, startTime: cursor.u64() };
  });
}

function readWork(cursor: AttributeCursor): Required<WorkOnBehalf> {
  const { view } = cursor;
  const at = cursor.take(8);
  const priority = view.getUint8(at);
  const traceBytes = view.getUint16(at + 2, true);
  const baggageBytes = view.getUint16(at + 4, true);
  need(priority <= 3 && view.getUint8(at + 1) === 0 && view.getUint16(at + 6, true) === 0);
  need(traceBytes <= TRACE_BYTES_MAX && baggageBytes <= BAGGAGE_BYTES_MAX);
  const start = cursor.take(align8(traceBytes + baggageBytes));
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const baggageAt = start + traceBytes;
  need(bytes.subarray(baggageAt + baggageBytes, cursor.offset).every((byte) => byte === 0));
  return {
    priority,
    trace: readText(bytes.slice(start, baggageAt)),
    baggage: bytes.slice(baggageAt, baggageAt + baggageBytes),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A text in strict UTF-8: anything else would grow when it is read, and not fit again. */
function readText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Malformed();
  }
}
