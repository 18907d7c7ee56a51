/*
 * What travels on the stream of a shared-memory connection after ACCEPT: single doorbell bytes, and
 * announcements of what belongs to a message but cannot be put into it. Descriptors come on the
 * first byte of their token (SCM_RIGHTS), credentials with the whole of it (SCM_CREDENTIALS).
 *
 *   doorbell     | 0x01 |
 *   section      | 0x02 | kind | 0 0 | sectionId u32 | sizeBytes u64 |  16 bytes, one descriptor
 *   handles      | 0x03 | count | 0 0 | batchId u32 |                   8 bytes, 1 to 4 descriptors
 *   credentials  | 0x04 | 0 0 0 | credentialsId u32 |                   8 bytes, credentials
 */

/** First byte of a token on the control stream. */
export const CONTROL_TOKEN = { DOORBELL: 1, SECTION: 2, HANDLES: 3, CREDENTIALS: 4 } as const;

/** Length of a section announcement. */
export const SECTION_TOKEN_BYTES = 16;

/** What may still happen to a section's memory: its sender may write to it, or nobody may. */
export const SECTION_KIND = { COPIED: 0, SEALED: 1 } as const;

/** Length of an announcement of handles or credentials. */
export const SHORT_TOKEN_BYTES = 8;

/** Offsets within a section announcement, in bytes. */
export const SECTION_TOKEN_OFFSET = {
  TOKEN: 0,
  KIND: 1,
  SECTION_ID: 4,
  SIZE_LOW: 8,
  SIZE_HIGH: 12,
} as const;

/** Offsets within an announcement of handles or credentials, in bytes. */
export const SHORT_TOKEN_OFFSET = { TOKEN: 0, COUNT: 1, ID: 4 } as const;

/** Announcements of handles, and of credentials, whose messages were not read yet; each kind. */
export const ANNOUNCED_MAX = 64;
