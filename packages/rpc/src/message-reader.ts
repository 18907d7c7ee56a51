import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { MessageData } from '@portcall/port';

/**
 * Strings up to this long are read byte by byte while they are ASCII: cheaper than a native call.
 */
const SHORT_STRING_BYTES = 16;

/**
 * `bytes` values up to this long are copied by `slice`, which makes one object where a copy of a
 * view makes two. The engine keeps arrays up to this length in its own heap; above it the two cost
 * the same. Source: V8's `typed_array_max_size_in_heap`.
 */
const SHORT_BYTES = 64;

/** What a decoder makes of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * `utf8Slice` is what `Buffer.toString('utf8')` calls after it has looked at its arguments; it is
 * on every Buffer of every Node line, and saves half of the time for short strings.
 */
interface NativeText extends Buffer {
  utf8Slice(start: number, end: number): string;
}

/** The stock reader's own fields, which it sets once and this class sets per message. */
interface ReaderFields {
  buf: Uint8Array;
  view: DataView;
  len: number;
  pos: number;
}

/**
 * A protobuf reader that is used again and again, over private copies of messages.
 *
 * Strings must be UTF-8. `bytes` values are copies, unless the message's memory is its own.
 */
export class MessageReader extends BinaryReader {
  #bytes: Uint8Array;
  /** The same memory, and never a Buffer: what is sliced off is a plain array then, and a copy. */
  #plain: Uint8Array;
  #text: NativeText;
  #isPrivate = false;
  /** Generated decoders count their nesting here; declared so that the object's shape is stable. */
  readonly __tsProtoDecodeDepth = 0;

  constructor() {
    const empty = new Uint8Array(0);
    super(empty);
    this.#bytes = empty;
    this.#plain = empty;
    this.#text = Buffer.alloc(0) as NativeText;
  }

  /** Begins a message: the data from `skipBytes` on. */
  begin(data: MessageData, skipBytes: number): void {
    const fields = this as unknown as ReaderFields;
    if (data.bytes !== this.#bytes) {
      const { buffer, byteOffset, byteLength } = data.bytes;
      this.#bytes = data.bytes;
      this.#plain = new Uint8Array(buffer, byteOffset, byteLength);
      this.#text = Buffer.from(buffer, byteOffset, byteLength) as NativeText;
      fields.buf = data.bytes;
      fields.view = data.view;
    }
    fields.pos = data.offset + skipBytes;
    fields.len = data.offset + data.lengthBytes;
    this.#isPrivate = data.isPrivate;
  }

  /** Lets go of the last message's memory when it was large and of its own. */
  end(): void {
    if (!this.#isPrivate) return;
    this.#bytes = new Uint8Array(0);
    this.#plain = this.#bytes;
    this.#text = Buffer.alloc(0) as NativeText;
    const fields = this as unknown as ReaderFields;
    fields.buf = this.#bytes;
    fields.view = new DataView(this.#bytes.buffer);
  }

  override bytes(): Uint8Array {
    const start = this.#take();
    if (this.#isPrivate) return this.#bytes.subarray(start, this.pos);
    const end = this.pos;
    if (end - start <= SHORT_BYTES) return this.#plain.slice(start, end);
    return new Uint8Array(this.#plain.subarray(start, end));
  }

  override string(): string {
    const start = this.#take();
    const end = this.pos;
    if (end - start <= SHORT_STRING_BYTES) {
      let text = '';
      for (let at = start; at < end; at++) {
        const byte = this.#bytes[at] ?? 0;
        if (byte > 0x7f) return this.#decode(start, end);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return this.#decode(start, end);
  }

  override bool(): boolean {
    this.#expectBytes(1);
    return super.bool();
  }

  override fixed32(): number {
    this.#expectBytes(4);
    return super.fixed32();
  }

  // fixed64 and sfixed64 of the stock reader are two of these.
  override sfixed32(): number {
    this.#expectBytes(4);
    return super.sfixed32();
  }

  override float(): number {
    this.#expectBytes(4);
    return super.float();
  }

  override double(): number {
    this.#expectBytes(8);
    return super.double();
  }

  /** The stock reader checks these against the buffer only, and ours holds other messages too. */
  #expectBytes(count: number): void {
    if (this.pos + count > this.len) {
      throw new RangeError('Cannot decode: value ends outside the message');
    }
  }

  /** Skips a length-delimited value. @returns where it starts */
  #take(): number {
    const length = this.uint32();
    const start = this.pos;
    this.pos = start + length;
    if (this.pos > this.len) throw new RangeError('Cannot decode: value ends outside the message');
    return start;
  }

  #decode(start: number, end: number): string {
    const text = this.#text.utf8Slice(start, end);
    // Only a text with the replacement character can have been invalid.
    if (text.includes(REPLACEMENT)) return strictUtf8.decode(this.#text.subarray(start, end));
    return text;
  }
}
