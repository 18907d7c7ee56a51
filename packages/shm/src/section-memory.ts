import type { NativeBinding } from '@portcall/native';

/**
 * From this length on data is copied into huge pages: page faults cost most of it. Below, they save
 * less than the collections cost that memory outside of V8's heap brings on. Measured at 1 MiB.
 */
const HUGE_FROM_BYTES = 4 * 1024 * 1024;

/** Of `NativeBinding.map`. */
const MAP_PRIVATE = 2;

/** Bytes that are mapped now, of one connection. */
interface Mapped {
  bytes: number;
}

/** What memory of the addon counts for, at most once; 0 when it is no map. */
interface Hold {
  bytes: number;
  readonly of: Mapped;
}

/** Of all memory that can be revoked. */
const holds = new WeakMap<ArrayBufferLike, Hold>();

/** Maps that were collected before they were given back. */
const collected = new FinalizationRegistry<Hold>(letGo);

/** Memory that the contents of sections are received in. It belongs to its message alone. */
export class SectionMemory {
  readonly #native: NativeBinding;
  readonly #mappedBytesMax: number;
  readonly #mapped: Mapped = { bytes: 0 };

  /** @param mappedBytesMax bytes of maps that are neither given back nor collected, at most */
  constructor(native: NativeBinding, mappedBytesMax: number) {
    this.#native = native;
    this.#mappedBytesMax = mappedBytesMax;
  }

  /** Maps a sealed section in private. @returns `undefined` when too much is mapped, or it fails */
  tryMap(fd: number, bytes: number): Uint8Array | undefined {
    if (this.#mapped.bytes + bytes > this.#mappedBytesMax) return undefined;
    const memory = this.#native.map(fd, bytes, MAP_PRIVATE);
    if (typeof memory === 'number') return undefined; // No address space, or too many maps.
    this.#mapped.bytes += bytes;
    const held = { bytes, of: this.#mapped };
    holds.set(memory, held);
    collected.register(memory, held);
    return new Uint8Array(memory);
  }

  /** Memory to copy into: all of it is about to be written. */
  allocate(bytes: number): Uint8Array {
    if (bytes >= HUGE_FROM_BYTES) {
      const memory = this.#native.allocate(bytes);
      if (typeof memory !== 'number') {
        holds.set(memory, { bytes: 0, of: this.#mapped });
        return new Uint8Array(memory);
      }
    }
    const { buffer, byteOffset, length } = Buffer.allocUnsafeSlow(bytes);
    return new Uint8Array(buffer, byteOffset, length);
  }

  /** As `SectionSpace.giveBack`. */
  giveBack(bytes: Uint8Array): void {
    const memory = bytes.buffer;
    const held = holds.get(memory);
    if (held === undefined || this.#native.revoke(memory as ArrayBuffer) !== 0) bytes.fill(0);
    else letGo(held);
  }
}

function letGo(hold: Hold): void {
  hold.of.bytes -= hold.bytes;
  hold.bytes = 0;
}
