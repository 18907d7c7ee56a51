/*
 * A record: the unit of a ring, and of the byte stream of the socket transport. Little-endian,
 * starts 8-byte aligned; the gap up to the next multiple of 8 is not part of its length.
 *
 *   0              4          6          8
 *   +--------------+----------+----------+---------------------------
 *   | lengthBytes  | kind     | 0        | body (lengthBytes − 8) …
 *   +--------------+----------+----------+---------------------------
 */

/** Bytes before the body of a record. */
export const RECORD_HEADER_BYTES = 8;

/** Records start at multiples of this. */
export const RECORD_ALIGNMENT_BYTES = 8;

/** Offsets of the fields of a record header, in bytes. */
export const RECORD_OFFSET = { LENGTH: 0, KIND: 4, RESERVED: 6 } as const;

/** Kinds of record. */
export const RECORD_KIND = {
  /** The body is a port message. */
  MESSAGE: 1,
  /** Filler up to the end of the ring; skipped. Never on a byte stream. */
  PADDING: 2,
} as const;

/** The space a record of this length takes: the length rounded up to the alignment. */
export function alignRecord(lengthBytes: number): number {
  return (lengthBytes + (RECORD_ALIGNMENT_BYTES - 1)) & -RECORD_ALIGNMENT_BYTES;
}
