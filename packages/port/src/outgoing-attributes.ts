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
import type { CompanionSpace } from '@portcall/transport';

/** The work that a message belongs to; travels from call to call. */
export interface WorkOnBehalf {
  /** A trace context, such as a W3C traceparent. At most 256 bytes in UTF-8. */
  readonly trace?: string;
  /** 0 (background) to 3 (urgent). Default 1. */
  readonly priority?: number;
  /** Anything else, at most 1 KiB. Owner: the caller; copied when sent. */
  readonly baggage?: Uint8Array;
}

/**
 * An identity that a sender claims to act for. Not the kernel's word: it is worth what the sender
 * is.
 */
export interface ClaimedIdentity {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** 0 where it is not known. */
  readonly startTime: number;
}

/** A range of memory that the receiver may reach until it replies. */
export interface MemoryRange {
  /** Off-heap memory of the sender. It must not be resized or detached until the reply. */
  readonly bytes: Uint8Array;
  /** Default 'read'. */
  readonly access?: 'read' | 'write' | 'both';
}

/** What a sender adds to a message. */
export interface AttributeParts {
  /** For requests: on `performance.now()`'s clock; Infinity for none. */
  readonly deadlineMs?: number;
  readonly work?: WorkOnBehalf | undefined;
  readonly onBehalfOf?: readonly ClaimedIdentity[] | undefined;
  readonly ranges?: readonly MemoryRange[] | undefined;
  /** Descriptors; copies travel, these stay the caller's. */
  readonly handles?: readonly number[] | undefined;
  /** Have the kernel vouch for the sender as it is now. */
  readonly security?: boolean;
}

/** Access bits by name. */
const ACCESS_BITS = {
  read: RANGE_ACCESS.READ,
  write: RANGE_ACCESS.WRITE,
  both: RANGE_ACCESS.READ | RANGE_ACCESS.WRITE,
};

/** Default of `WorkOnBehalf.priority`: what ordinary work has. */
export const PRIORITY_DEFAULT = 1;

/** The attributes of one message on its way out. Layout: `wire/message-attributes-layout.ts`. */
export class OutgoingAttributes {
  /** Sum of the `ATTRIBUTE` bits. */
  readonly mask: number;
  /** Bytes of all of them together. */
  readonly lengthBytes: number;
  readonly #parts: AttributeParts;
  readonly #trace: Uint8Array;
  #batchId = 0;
  #credentialsId = 0;

  /**
   * What of the parts is to be sent.
   *
   * @param wanted attributes that the receiver wants; others are left out
   * @returns `undefined` when nothing is left
   * @throws RangeError for more, longer or other values than an attribute may have
   */
  static of(parts: AttributeParts, wanted: number): OutgoingAttributes | undefined {
    checkParts(parts);
    const mask = maskOf(parts) & wanted;
    return mask === 0 ? undefined : new OutgoingAttributes(parts, mask);
  }

  private constructor(parts: AttributeParts, mask: number) {
    this.#parts = parts;
    this.mask = mask;
    this.#trace = Buffer.from(parts.work?.trace ?? '');
    this.lengthBytes = this.#length();
  }

  /**
   * Writes them at `offset`, after whatever belongs beside the message was placed.
   *
   * @returns false when there is no room for that now; written twice, it is placed once
   */
  tryWrite(view: DataView, offset: number, companions: CompanionSpace | undefined): boolean {
    const { mask } = this;
    if (!this.#tryPlace(companions)) return false;
    let at = offset;
    if (mask & ATTRIBUTE.SECURITY) at = writeShort(view, at, this.#credentialsId, 0);
    if (mask & ATTRIBUTE.HANDLE) {
      at = writeShort(view, at, this.#batchId, this.#parts.handles?.length ?? 0);
    }
    if (mask & ATTRIBUTE.DIRECT) at = writeRanges(view, at, this.#parts.ranges ?? []);
    if (mask & ATTRIBUTE.WORK_ON_BEHALF) at = this.#writeWork(view, at);
    if (mask & ATTRIBUTE.ON_BEHALF_OF) at = writeChain(view, at, this.#parts.onBehalfOf ?? []);
    if (mask & ATTRIBUTE.DEADLINE) {
      const restMs = (this.#parts.deadlineMs ?? 0) - performance.now();
      writeShort(view, at, Math.min(Math.max(Math.ceil(restMs), 1), 0xffffffff), 0);
    }
    return true;
  }

  #tryPlace(companions: CompanionSpace | undefined): boolean {
    if (this.mask & ATTRIBUTE.HANDLE && this.#batchId === 0) {
      this.#batchId = companions?.tryPlaceHandles(this.#parts.handles ?? []) ?? 0;
      if (this.#batchId === 0) return false;
    }
    if (this.mask & ATTRIBUTE.SECURITY && this.#credentialsId === 0) {
      this.#credentialsId = companions?.tryPlaceCredentials() ?? 0;
      if (this.#credentialsId === 0) return false;
    }
    return true;
  }

  #length(): number {
    const { mask } = this;
    let bytes = 0;
    if (mask & ATTRIBUTE.SECURITY) bytes += SHORT_ATTRIBUTE_BYTES;
    if (mask & ATTRIBUTE.HANDLE) bytes += SHORT_ATTRIBUTE_BYTES;
    if (mask & ATTRIBUTE.DIRECT) bytes += 8 + LISTED_ITEM_BYTES * (this.#parts.ranges?.length ?? 0);
    if (mask & ATTRIBUTE.WORK_ON_BEHALF) {
      bytes += 8 + align8(this.#trace.length + (this.#parts.work?.baggage?.length ?? 0));
    }
    if (mask & ATTRIBUTE.ON_BEHALF_OF) {
      bytes += 8 + LISTED_ITEM_BYTES * (this.#parts.onBehalfOf?.length ?? 0);
    }
    if (mask & ATTRIBUTE.DEADLINE) bytes += SHORT_ATTRIBUTE_BYTES;
    return bytes;
  }

  #writeWork(view: DataView, offset: number): number {
    const { work } = this.#parts;
    const baggage = work?.baggage ?? new Uint8Array(0);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const textBytes = align8(this.#trace.length + baggage.length);
    view.setUint8(offset, work?.priority ?? PRIORITY_DEFAULT);
    view.setUint8(offset + 1, 0);
    view.setUint16(offset + 2, this.#trace.length, true);
    view.setUint16(offset + 4, baggage.length, true);
    view.setUint16(offset + 6, 0, true);
    bytes.fill(0, offset + 8, offset + 8 + textBytes);
    bytes.set(this.#trace, offset + 8);
    bytes.set(baggage, offset + 8 + this.#trace.length);
    return offset + 8 + textBytes;
  }
}

/** The next multiple of 8. */
export function align8(bytes: number): number {
  return (bytes + 7) & -8;
}

function maskOf(parts: AttributeParts): number {
  const { deadlineMs = Infinity, work, onBehalfOf, ranges, handles, security } = parts;
  let mask = 0;
  if (security === true) mask |= ATTRIBUTE.SECURITY;
  if (handles !== undefined && handles.length > 0) mask |= ATTRIBUTE.HANDLE;
  if (ranges !== undefined && ranges.length > 0) mask |= ATTRIBUTE.DIRECT;
  if (work !== undefined) mask |= ATTRIBUTE.WORK_ON_BEHALF;
  if (onBehalfOf !== undefined && onBehalfOf.length > 0) mask |= ATTRIBUTE.ON_BEHALF_OF;
  if (deadlineMs !== Infinity) mask |= ATTRIBUTE.DEADLINE;
  return mask;
}

function checkParts({ work, onBehalfOf = [], ranges = [], handles = [] }: AttributeParts): void {
  atMost('handles', handles.length, HANDLES_MAX);
  atMost('ranges', ranges.length, RANGES_MAX);
  atMost('identities to act for', onBehalfOf.length, BEHALF_CHAIN_MAX);
  for (const { pid, uid, gid, startTime } of onBehalfOf) {
    const isGood = [pid, uid, gid].every(isUint32) && Number.isSafeInteger(startTime);
    if (isGood && startTime >= 0) continue;
    throw new RangeError('Cannot send message: an identity to act for has numbers out of range');
  }
  if (work === undefined) return;
  const { priority = PRIORITY_DEFAULT, trace = '', baggage } = work;
  if (!Number.isInteger(priority) || priority < 0 || priority > 3) {
    throw new RangeError(`Cannot send message: priority is ${priority}, wanted 0 to 3`);
  }
  atMost('bytes of trace', Buffer.byteLength(trace), TRACE_BYTES_MAX);
  atMost('bytes of baggage', baggage?.length ?? 0, BAGGAGE_BYTES_MAX);
}

function isUint32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function atMost(what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new RangeError(`Cannot send message: it has ${count} ${what}, limit is ${limit}`);
}

function writeShort(view: DataView, offset: number, first: number, second: number): number {
  view.setUint32(offset, first, true);
  view.setUint32(offset + 4, second, true);
  return offset + SHORT_ATTRIBUTE_BYTES;
}

function writeRanges(view: DataView, offset: number, ranges: readonly MemoryRange[]): number {
  let at = writeShort(view, offset, ranges.length, 0);
  for (const { bytes, access = 'read' } of ranges) {
    writeLong(view, at, bytes.length);
    writeLong(view, at + 8, 0);
    writeShort(view, at + 16, ACCESS_BITS[access], 0);
    at += LISTED_ITEM_BYTES;
  }
  return at;
}

function writeChain(view: DataView, offset: number, chain: readonly ClaimedIdentity[]): number {
  let at = writeShort(view, offset, chain.length, 0);
  for (const { pid, uid, gid, startTime } of chain) {
    writeShort(view, at, pid, uid);
    writeShort(view, at + 8, gid, 0);
    writeLong(view, at + 16, startTime);
    at += LISTED_ITEM_BYTES;
  }
  return at;
}

function writeLong(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 0x100000000, true);
  view.setUint32(offset + 4, Math.floor(value / 0x100000000), true);
}
