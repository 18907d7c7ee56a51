/*
 * Attributes of a message, behind the data-infos, in the order of their bits in `attributeMask`.
 * Each is a multiple of 8 bytes long; little-endian. A sender adds one only if the receiver said in
 * the handshake that it wants it.
 *
 *   SECURITY        credentialsId u32 | 0 u32
 *   HANDLE          batchId u32 | count u8 | 0 (3 bytes)
 *   DIRECT          count u32 | 0 u32 | count × {
 *                     lengthBytes u64 | address u64 | access u32 | 0 u32 }
 *   WORK_ON_BEHALF  priority u8 | 0 u8 | traceBytes u16 | baggageBytes u16 | 0 u16 |
 *                     trace | baggage | zeros up to a multiple of 8
 *   ON_BEHALF_OF    count u32 | 0 u32 | count × {
 *                     pid u32 | uid u32 | gid u32 | 0 u32 | startTime u64 }
 *   DEADLINE        remainingMs u32 | 0 u32
 */

/** Bits of `attributeMask` and of the handshake's `wanted`. */
export const ATTRIBUTE = {
  /** Names kernel credentials that came on the control stream. */
  SECURITY: 1,
  /** Names descriptors that came on the control stream. */
  HANDLE: 2,
  /** Ranges of the sender's memory that the receiver may read or write before it replies. */
  DIRECT: 4,
  /** Trace, priority and baggage of the work that this message belongs to. */
  WORK_ON_BEHALF: 8,
  /** For whom the sender says that it acts; a claim, never an identity. */
  ON_BEHALF_OF: 16,
  /** What remains of the request's deadline. */
  DEADLINE: 32,
} as const;

/** All bits of {@link ATTRIBUTE}. */
export const ATTRIBUTES_KNOWN = 63;

/** Bytes of all attributes of one message; the longest possible set is shorter. */
export const ATTRIBUTE_BYTES_MAX = 4096;

/** Bytes of the SECURITY, HANDLE and DEADLINE attributes, each. */
export const SHORT_ATTRIBUTE_BYTES = 8;

/** Ranges of one message. Source: `shared-memory.md` 8. */
export const RANGES_MAX = 8;

/** Bytes of one range of DIRECT, and of one identity of ON_BEHALF_OF. */
export const LISTED_ITEM_BYTES = 24;

/** What a receiver may do with a range. */
export const RANGE_ACCESS = { READ: 1, WRITE: 2 } as const;

/** Operations of a RANGE message. */
export const RANGE_OPERATION = { READ: 1, WRITE: 2 } as const;

/*
 * Data of a RANGE message; for a write the bytes follow and `lengthBytes` is their number.
 *
 *   operation u32 | index u32 | offset u64 | lengthBytes u64
 */

/** Bytes before the data of a RANGE message. */
export const RANGE_HEADER_BYTES = 24;

/** Identities in one ON_BEHALF_OF. */
export const BEHALF_CHAIN_MAX = 8;

/** Bytes of baggage of WORK_ON_BEHALF. Source: `port.md` 16. */
export const BAGGAGE_BYTES_MAX = 1024;

/** Bytes of a trace of WORK_ON_BEHALF: a W3C traceparent is 55 long. */
export const TRACE_BYTES_MAX = 256;

/** Descriptors of one message. Source: `port.md` 17. */
export const HANDLES_MAX = 4;

/** Depth of callbacks within callbacks. Source: `port.md` 15. */
export const CALLBACK_DEPTH_MAX = 32;

/** Bytes of the data of a CREDIT message. */
export const CREDIT_DATA_BYTES = 8;
