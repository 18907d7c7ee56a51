import { PortError } from '@portcall/wire';

/** Keys of one call's metadata. Source: `rpc.md`, "Limits". */
const KEYS_MAX = 64;

/** Bytes of one call's metadata, keys and values. Source: `rpc.md`, "Limits". */
export const METADATA_BYTES_MAX = 8 * 1024;

const KEY = /^[0-9a-z_.-]{1,255}$/;

/** A value: text, or bytes under a key that ends in `-bin`. */
export type MetadataValue = string | Uint8Array;

/**
 * Named values that go with a call, in the manner of HTTP headers: several values a key, keys in
 * lower case, bytes under keys that end in `-bin`.
 *
 * The methods are those of nice-grpc's `Metadata`.
 */
export class Metadata {
  readonly #values = new Map<string, MetadataValue[]>();

  /** @param initial what `set` accepts for each key */
  constructor(initial: Readonly<Record<string, MetadataValue | readonly MetadataValue[]>> = {}) {
    for (const [key, value] of Object.entries(initial)) this.set(key, value);
  }

  /** First value of a key. */
  get(key: string): MetadataValue | undefined {
    return this.#values.get(key.toLowerCase())?.[0];
  }

  /** All values of a key. */
  getAll(key: string): MetadataValue[] {
    return [...(this.#values.get(key.toLowerCase()) ?? [])];
  }

  /** Whether a key has a value. */
  has(key: string): boolean {
    return this.#values.has(key.toLowerCase());
  }

  /** Replaces a key's values. @throws TypeError for a bad key or value */
  set(key: string, value: MetadataValue | readonly MetadataValue[]): this {
    const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : [...value];
    const name = checkedKey(key, values);
    if (values.length === 0) this.#values.delete(name);
    else this.#values.set(name, values);
    return this;
  }

  /** Adds a value to a key. @throws TypeError for a bad key or value */
  append(key: string, value: MetadataValue): this {
    const name = checkedKey(key, [value]);
    this.#values.set(name, [...(this.#values.get(name) ?? []), value]);
    return this;
  }

  /** Removes a key's values. */
  delete(key: string): void {
    this.#values.delete(key.toLowerCase());
  }

  /** Whether there is nothing in it. */
  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  *[Symbol.iterator](): IterableIterator<[string, MetadataValue[]]> {
    for (const [key, values] of this.#values) yield [key, [...values]];
  }
}

function checkedKey(key: string, values: readonly MetadataValue[]): string {
  const name = key.toLowerCase();
  if (!KEY.test(name)) throw new TypeError(`Cannot set metadata: key is "${key}"`);
  const binary = name.endsWith('-bin');
  for (const value of values) {
    if ((typeof value !== 'string') !== binary) {
      throw new TypeError(
        `Cannot set metadata "${name}": value is ${typeof value}, wanted ` +
          `${binary ? 'bytes' : 'text'}`,
      );
    }
  }
  return name;
}

/*
 * On the wire: flags u8 (1: trailer) | keyLength u8 | valueLength u16 | key | value, one behind the
 * other; then zeros up to a multiple of 8. A keyLength of 0 ends the list.
 */

const ENTRY_HEADER_BYTES = 4;
const TRAILER_FLAG = 1;

/** Bytes of header and trailer, padded to a multiple of 8; empty when both are. */
export function encodeMetadata(header: Metadata | undefined, trailer?: Metadata): Uint8Array {
  const entries: Uint8Array[] = [];
  collectEntries(entries, header, 0);
  collectEntries(entries, trailer, TRAILER_FLAG);
  if (entries.length === 0) return EMPTY;
  const bytes = Buffer.concat(entries);
  if (bytes.length > METADATA_BYTES_MAX || entries.length > KEYS_MAX) {
    throw new PortError(
      'MESSAGE_TOO_LONG',
      `Cannot send metadata: it has ${entries.length} values and ${bytes.length} bytes, ` +
        `limits are ${KEYS_MAX} values and ${METADATA_BYTES_MAX} bytes`,
    );
  }
  const padded = new Uint8Array((bytes.length + 7) & -8);
  padded.set(bytes);
  return padded;
}

const EMPTY = new Uint8Array(0);

function collectEntries(into: Uint8Array[], metadata: Metadata | undefined, flags: number): void {
  if (metadata === undefined || metadata.isEmpty) return;
  for (const [key, values] of metadata) {
    for (const value of values) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      if (bytes.length > METADATA_BYTES_MAX) {
        throw new PortError(
          'MESSAGE_TOO_LONG',
          `Cannot send metadata "${key}": value is ${bytes.length} bytes, limit is ` +
            `${METADATA_BYTES_MAX} bytes`,
        );
      }
      const entry = Buffer.alloc(ENTRY_HEADER_BYTES + key.length + bytes.length);
      entry.writeUInt8(flags, 0);
      entry.writeUInt8(key.length, 1);
      entry.writeUInt16LE(bytes.length, 2);
      entry.write(key, ENTRY_HEADER_BYTES, 'latin1');
      entry.set(bytes, ENTRY_HEADER_BYTES + key.length);
      into.push(entry);
    }
  }
}

/** Header and trailer of one message. */
export interface DecodedMetadata {
  readonly header: Metadata;
  readonly trailer: Metadata;
}

/**
 * Reads metadata of a peer from a private copy.
 *
 * @throws PortError INVALID_MESSAGE when it is malformed
 */
export function decodeMetadata(bytes: Uint8Array): DecodedMetadata {
  const decoded = { header: new Metadata(), trailer: new Metadata() };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length > METADATA_BYTES_MAX) throw malformed(`it has ${buffer.length} bytes`);
  let position = 0;
  for (let count = 0; position + ENTRY_HEADER_BYTES <= buffer.length; count++) {
    const keyLength = buffer.readUInt8(position + 1);
    if (keyLength === 0) break;
    if (count >= KEYS_MAX) throw malformed(`it has more than ${KEYS_MAX} values`);
    const start = position + ENTRY_HEADER_BYTES;
    const end = start + keyLength + buffer.readUInt16LE(position + 2);
    if (end > buffer.length) throw malformed('a value ends outside');
    const key = buffer.toString('latin1', start, start + keyLength);
    const value = buffer.subarray(start + keyLength, end);
    const target = buffer.readUInt8(position) === TRAILER_FLAG ? decoded.trailer : decoded.header;
    try {
      target.append(key, key.endsWith('-bin') ? new Uint8Array(value) : value.toString('utf8'));
    } catch (error) {
      throw malformed(error instanceof Error ? error.message : String(error));
    }
    position = end;
  }
  return decoded;
}

function malformed(text: string): PortError {
  return new PortError('INVALID_MESSAGE', `Cannot read metadata: ${text}`);
}
