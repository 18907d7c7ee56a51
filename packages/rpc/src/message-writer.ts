import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageSpace } from '@portcall/port';

/** First heap buffer of a message that outgrew its claim, in bytes. */
const HEAP_BYTES_MIN = 1024;

/** `bytes` values at least this long are sent from where they are instead of being copied. */
const REFERENCE_BYTES_MIN = 4096;

/** Longest ASCII string whose length is a varint of one byte: encoded without a native call. */
const SHORT_STRING_UNITS = 127;

/**
 * A protobuf writer that encodes straight into the claim of a ring: the bytes equal the stock
 * writer's, without the chunks and copies.
 *
 * A message that outgrows its claim goes on in private memory, and large `bytes` values are then
 * kept by reference, so that they are copied once, into the section that carries them.
 */
export class MessageWriter extends BinaryWriter {
  #bytes: Uint8Array = Buffer.alloc(0);
  #text: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Start of what this message has in `#bytes`. */
  #base = 0;
  #position = 0;
  #limit = 0;
  /** Where each open sub-message begins: its length byte. */
  readonly #forks: number[] = [];
  /** Closed pieces, once the message has left its claim. */
  readonly #parts: Uint8Array[] = [];
  #inPlace = false;

  /** Begins a message in a claim, or on the heap when there is none. */
  begin(space: MessageSpace | undefined): void {
    // Left over only when the last message could not be encoded; setting a length is not free.
    if (this.#forks.length > 0) this.#forks.length = 0;
    if (this.#parts.length > 0) this.#parts.length = 0;
    this.#inPlace = space !== undefined;
    if (space === undefined) {
      this.#useHeap(HEAP_BYTES_MIN);
      return;
    }
    if (space.bytes !== this.#bytes) this.#use(space.bytes, space.view);
    this.#base = space.offset;
    this.#position = space.offset;
    this.#limit = space.limit;
  }

  /** Whether all of the message is in the claim, up to `end`. */
  get isInPlace(): boolean {
    return this.#inPlace;
  }

  /** End of the message in the claim. */
  get end(): number {
    return this.#position;
  }

  /** Bytes encoded so far. */
  get lengthBytes(): number {
    const closed = this.#parts.reduce((sum, part) => sum + part.length, 0);
    return closed + this.#position - this.#base;
  }

  /** The message in pieces, after it left its claim. */
  takeParts(): readonly Uint8Array[] {
    this.#closePart();
    return this.#parts.slice();
  }

  /** A little-endian u32 that is no protobuf: the header in front of the message. */
  rawUint32(value: number): this {
    this.#need(4);
    this.#view.setUint32(this.#position, value, true);
    this.#position += 4;
    return this;
  }

  override finish(): Uint8Array<ArrayBuffer> {
    const bytes = Buffer.concat(
      this.#inPlace ? [this.#bytes.subarray(this.#base, this.#position)] : this.takeParts(),
    );
    return new Uint8Array(bytes);
  }

  override fork(): this {
    this.#need(1);
    this.#forks.push(this.#position++);
    return this;
  }

  override join(): this {
    const start = this.#forks.pop();
    if (start === undefined) throw new Error('Cannot join: no sub-message is open');
    const length = this.#position - start - 1;
    if (length < 0x80) {
      this.#bytes[start] = length;
      return this;
    }
    // The length needs more than the byte that was kept for it: move the sub-message up.
    const extra = varintBytes(length) - 1;
    this.#forks.push(start);
    this.#need(extra);
    const moved = this.#forks.pop() ?? start; // #need may have changed buffers.
    this.#bytes.copyWithin(moved + 1 + extra, moved + 1, this.#position);
    const end = this.#position + extra;
    this.#position = moved;
    this.#varint(length);
    this.#position = end;
    return this;
  }

  override tag(fieldNo: number, type: number): this {
    return this.uint32(((fieldNo << 3) | type) >>> 0);
  }

  override raw(chunk: Uint8Array): this {
    this.#append(chunk);
    return this;
  }

  override uint32(value: number): this {
    if (value >>> 0 !== value) throw outOfRange('uint32', value);
    this.#need(5);
    this.#varint(value);
    return this;
  }

  override int32(value: number): this {
    if ((value | 0) !== value) throw outOfRange('int32', value);
    if (value >= 0) {
      this.#need(5);
      this.#varint(value);
    } else {
      this.#varint64(value >>> 0, 0xffffffff);
    }
    return this;
  }

  override sint32(value: number): this {
    if ((value | 0) !== value) throw outOfRange('sint32', value);
    this.#need(5);
    this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
    return this;
  }

  override bool(value: boolean): this {
    this.#need(1);
    this.#bytes[this.#position++] = value ? 1 : 0;
    return this;
  }

  override bytes(value: Uint8Array): this {
    this.#need(5);
    this.#varint(value.length);
    this.#append(value);
    return this;
  }

  override string(value: string): this {
    const units = value.length;
    if (units > SHORT_STRING_UNITS || !this.#tryShortAscii(value, units)) this.#longString(value);
    return this;
  }

  override float(value: number): this {
    if (typeof value !== 'number') throw outOfRange('float', value);
    // What rounds to the largest float is one.
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw outOfRange('float', value);
    }
    this.#need(4);
    this.#view.setFloat32(this.#position, value, true);
    this.#position += 4;
    return this;
  }

  override double(value: number): this {
    this.#need(8);
    this.#view.setFloat64(this.#position, value, true);
    this.#position += 8;
    return this;
  }

  override fixed32(value: number): this {
    if (value >>> 0 !== value) throw outOfRange('fixed32', value);
    return this.rawUint32(value);
  }

  override sfixed32(value: number): this {
    if ((value | 0) !== value) throw outOfRange('sfixed32', value);
    return this.rawUint32(value >>> 0);
  }

  override fixed64(value: string | number | bigint): this {
    return this.#fixed64(checkedBigInt('fixed64', value, false));
  }

  override sfixed64(value: string | number | bigint): this {
    return this.#fixed64(checkedBigInt('sfixed64', value, true));
  }

  override int64(value: string | number | bigint): this {
    return this.#varintBig(checkedBigInt('int64', value, true));
  }

  override uint64(value: string | number | bigint): this {
    return this.#varintBig(checkedBigInt('uint64', value, false));
  }

  override sint64(value: string | number | bigint): this {
    const signed = checkedBigInt('sint64', value, true);
    return this.#varintBig((signed << 1n) ^ (signed >> 63n));
  }

  #fixed64(value: bigint): this {
    this.#need(8);
    this.#view.setBigUint64(this.#position, BigInt.asUintN(64, value), true);
    this.#position += 8;
    return this;
  }

  #varintBig(value: bigint): this {
    const unsigned = BigInt.asUintN(64, value);
    this.#varint64(Number(unsigned & 0xffffffffn), Number(unsigned >> 32n));
    return this;
  }

  #varint64(low: number, high: number): void {
    this.#need(10);
    let lo = low;
    let hi = high;
    while (hi > 0 || lo > 0x7f) {
      this.#bytes[this.#position++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    this.#bytes[this.#position++] = lo;
  }

  #varint(value: number): void {
    let rest = value;
    const bytes = this.#bytes;
    let position = this.#position;
    while (rest > 0x7f) {
      bytes[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[position++] = rest;
    this.#position = position;
  }

  /** @returns false, with nothing written, when the string is not ASCII */
  #tryShortAscii(value: string, units: number): boolean {
    this.#need(1 + units);
    const bytes = this.#bytes;
    const start = this.#position + 1;
    for (let index = 0; index < units; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) return false;
      bytes[start + index] = unit;
    }
    bytes[start - 1] = units;
    this.#position = start + units;
    return true;
  }

  #longString(value: string): void {
    const length = Buffer.byteLength(value);
    this.#need(5 + length);
    this.#varint(length);
    this.#text.write(value, this.#position, length, 'utf8');
    this.#position += length;
  }

  #append(chunk: Uint8Array): void {
    const fits = this.#position + chunk.length <= this.#limit;
    if (!fits && this.#forks.length === 0 && chunk.length >= REFERENCE_BYTES_MIN) {
      if (this.#inPlace) this.#leaveClaim(HEAP_BYTES_MIN);
      this.#closePart();
      this.#parts.push(chunk);
      return;
    }
    this.#need(chunk.length);
    this.#bytes.set(chunk, this.#position);
    this.#position += chunk.length;
  }

  #need(count: number): void {
    if (this.#position + count <= this.#limit) return;
    const used = this.#position - this.#base;
    this.#leaveClaim(Math.max(HEAP_BYTES_MIN, 2 * (used + count)));
  }

  /** Moves what there is of the current piece to a larger private buffer. */
  #leaveClaim(capacity: number): void {
    const { buffer, byteOffset } = this.#bytes;
    const old = new Uint8Array(buffer, byteOffset + this.#base, this.#position - this.#base);
    const shift = this.#base;
    this.#useHeap(Math.max(capacity, old.length + HEAP_BYTES_MIN));
    this.#bytes.set(old);
    this.#position = old.length;
    for (let index = 0; index < this.#forks.length; index++) {
      this.#forks[index] = (this.#forks[index] ?? 0) - shift;
    }
    this.#inPlace = false;
  }

  #closePart(): void {
    if (this.#position > this.#base) {
      this.#parts.push(this.#bytes.subarray(this.#base, this.#position));
    }
    this.#base = this.#position;
  }

  #useHeap(capacity: number): void {
    const bytes = Buffer.allocUnsafeSlow(capacity);
    this.#use(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    this.#base = 0;
    this.#position = 0;
    this.#limit = capacity;
  }

  #use(bytes: Uint8Array, view: DataView): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) count++;
  return count;
}

function checkedBigInt(type: string, value: string | number | bigint, signed: boolean): bigint {
  const big = BigInt(value);
  const wrapped = signed ? BigInt.asIntN(64, big) : BigInt.asUintN(64, big);
  if (wrapped !== big) throw outOfRange(type, value);
  return big;
}

function outOfRange(type: string, value: unknown): Error {
  return new Error(`Cannot encode ${type}: value is ${String(value)}`);
}
