/*
 * A port message, the body of a MESSAGE record. Little-endian, 8-byte aligned.
 *
 *    0            4             8      9      10      12          16           20          24
 *    +------------+-------------+------+------+-------+-----------+------------+-----------+
 *    | dataLength | totalLength | type | mode | flags | messageId | callbackId | sequence  |
 *    +------------+-------------+------+------+-------+-----------+------------+-----------+
 *   24             28              30        32
 *    +--------------+---------------+---------+---------------------------+----------------
 *    | attributeMask| dataInfoCount | status  | data-infos, 16 bytes each | attributes | data …
 *    +--------------+---------------+---------+---------------------------+------------+-----------
 *
 * A data-info points at a section: sectionId u32, 0 u32, lengthBytes u64.
 * Attributes: `message-attributes-layout.ts`, in the order of their bits.
 * totalLength = header + data-infos + attributes + inline data; dataLength = bytes of user data in
 * either mode.
 */

/** Bytes before the data-infos of a message. */
export const MESSAGE_HEADER_BYTES = 32;

/** Bytes of one data-info. */
export const DATA_INFO_BYTES = 16;

/** Offsets of the fields of a message header, in bytes from its start. */
export const MESSAGE_OFFSET = {
  DATA_LENGTH: 0,
  TOTAL_LENGTH: 4,
  TYPE: 8,
  MODE: 9,
  FLAGS: 10,
  MESSAGE_ID: 12,
  CALLBACK_ID: 16,
  SEQUENCE: 20,
  ATTRIBUTE_MASK: 24,
  DATA_INFO_COUNT: 28,
  STATUS: 30,
} as const;

/** Offsets of the fields of a data-info, in bytes from its start. */
export const DATA_INFO_OFFSET = {
  SECTION_ID: 0,
  RESERVED: 4,
  LENGTH_LOW: 8,
  LENGTH_HIGH: 12,
} as const;

/** What a message is. */
export const MESSAGE_TYPE = {
  /** Wants exactly one reply with the same messageId. */
  REQUEST: 1,
  /** The answer to a request; `status` 0, or the reason why there is no data. */
  REPLY: 2,
  /** Wants no reply. */
  DATAGRAM: 3,
  /** The sender of request `messageId` does not want its reply any more. */
  CANCEL: 4,
  /** The last message of a side that closes in good order; `status` says why, 0 for no reason. */
  CLOSE: 5,
  /**
   * The receiver has taken messages: `{messages u32, bytes u32}`, totals mod 2^32, are done with.
   */
  CREDIT: 6,
  /** Reads or writes a range of the open request `callbackId` of the receiver; wants a reply. */
  RANGE: 7,
  /** Asks whether all before it was read; answered by PONG with the same messageId. */
  PING: 8,
  /** The answer to PING. */
  PONG: 9,
} as const;

/** One of {@link MESSAGE_TYPE}. */
export type MessageType = (typeof MESSAGE_TYPE)[keyof typeof MESSAGE_TYPE];

/** Where the data of a message is. */
export const MESSAGE_MODE = {
  /** Behind the header, in the same record. */
  INLINE: 0,
  /** In the section that the one data-info names. */
  SECTION: 1,
} as const;

/** Bits of a message's `flags`; bits not listed here must be zero. */
export const MESSAGE_FLAG = {
  /** On a REPLY with a status other than 0: the handler ran for certain. */
  EXECUTED_YES: 1,
  /** On a REPLY with a status other than 0: the handler ran for certain not. */
  EXECUTED_NO: 2,
} as const;
