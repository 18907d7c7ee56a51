/*
 * A region: one memfd, written by one side only, mapped read-only by the other. Each side has one.
 * Everything in it belongs to its writer; cursors are 128 bytes apart so that two processors never
 * share a line (or an adjacent-line prefetch pair).
 *
 *   0            128          256          384           512              640       4096
 *   +------------+------------+------------+-------------+----------------+---------+--------
 *   | magic      | outTail    | inHead     | sleepEpoch  | spaceEpoch     | sections| ring
 *   | layoutHash | bytes this | bytes this | odd: this   | odd: this side | consumed| data …
 *   | ringBytes  | side wrote | side read  | side sleeps | waits for room |         |
 *   +------------+------------+------------+-------------+----------------+---------+--------
 *
 * Cursors are byte counts that wrap at 2^32; position in the ring = cursor mod ringBytes.
 */

/** First word of a region: "PCRG". */
export const REGION_MAGIC = 0x47524350;

/** Where the ring's data starts: one page, so that the header has pages of its own. */
export const REGION_HEADER_BYTES = 4096;

/** Byte offsets of the header words (each u32). The addon's C header states the same numbers. */
export const REGION_OFFSET = {
  MAGIC: 0,
  LAYOUT_HASH: 4,
  RING_BYTES: 8,
  OUT_TAIL: 128,
  IN_HEAD: 256,
  SLEEP_EPOCH: 384,
  SPACE_EPOCH: 512,
  SECTIONS_CONSUMED: 640,
} as const;

/** Smallest ring: one page of data. */
export const RING_BYTES_MIN = 4096;

/** Largest ring: 16 MiB; cursors allow far more, memory per connection does not. */
export const RING_BYTES_MAX = 16 * 1024 * 1024;

/** Whether a number can be the size of a ring. */
export function isRingBytes(bytes: number): boolean {
  const isInRange = bytes >= RING_BYTES_MIN && bytes <= RING_BYTES_MAX;
  return isInRange && Number.isInteger(Math.log2(bytes));
}

/**
 * Both sides compare this number in the handshake: it changes with every change of this file or of
 * the layout of records or sections, so that two builds that disagree never share memory.
 */
export const LAYOUT_HASH = layoutHash();

function layoutHash(): number {
  const versions = ['records:1', 'sections:1'];
  const text = JSON.stringify([REGION_MAGIC, REGION_HEADER_BYTES, REGION_OFFSET, ...versions]);
  // FNV-1a, 32 bit: http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
