/**
 * A decoder under fuzz. It is called with untrusted bytes inside of a larger buffer, whose other
 * bytes must not matter.
 */
export interface FuzzTarget {
  readonly name: string;
  /** Codes of the `PortError`s that it may throw. */
  readonly codes: readonly string[];
  /** Whether it may throw another Error too: its caller is known to turn that into a code. */
  readonly mayThrowPlain?: boolean;
  /** Inputs that get far, made by the encoders. */
  readonly seeds: () => readonly Uint8Array[];
  /**
   * Decodes.
   *
   * @param input begins at some `byteOffset`, with bytes of others around it
   * @returns all that was decoded, as text
   * @throws Violation when a promise of the decoder is broken that only the target can see
   */
  readonly decode: (input: Uint8Array) => string;
}

/** What the harness reports: a decoder did what no input may make it do. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** All of a decoded value as text, bytes included. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => {
    if (typeof field === 'bigint') return `${field}n`;
    if (field instanceof Uint8Array) return `x${Buffer.from(field).toString('hex')}`;
    if (field instanceof Map) return [...field];
    return typeof field === 'number' && !Number.isFinite(field) ? String(field) : field;
  });
}

/** Pieces of at most `lengthBytes`: a stream may be cut anywhere. */
export function* piecesOf(input: Uint8Array, lengthBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < input.length; at += lengthBytes) yield input.subarray(at, at + lengthBytes);
}
