/*
 * What travels on the stream of a shared-memory connection after ACCEPT: single doorbell bytes, and
 * section announcements, each with exactly one descriptor (SCM_RIGHTS) on its first byte.
 *
 *   doorbell   | 0x01 |
 *   section    | 0x02 | 0 0 0 | sectionId u32 | sizeBytes u64 |        16 bytes, one descriptor
 */

/** First byte of a token on the control stream. */
export const CONTROL_TOKEN = { DOORBELL: 1, SECTION: 2 } as const;

/** Length of a section announcement. */
export const SECTION_TOKEN_BYTES = 16;

/** Offsets within a section announcement, in bytes. */
export const SECTION_TOKEN_OFFSET = {
  TOKEN: 0,
  SECTION_ID: 4,
  SIZE_LOW: 8,
  SIZE_HIGH: 12,
} as const;
