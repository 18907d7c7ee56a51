/*
 * A handshake frame, the only thing that travels on the stream before a connection is accepted.
 * All numbers little-endian.
 *
 *   0        4    5    6    7    8            12           16            20              24
 *   +--------+----+----+----+----+------------+------------+-------------+---------------+---------
 *   | magic  |type|vmin|vmax| 0  | features   | layoutHash | regionBytes | payloadLength | payload…
 *   +--------+----+----+----+----+------------+------------+-------------+---------------+---------
 */

/** First four bytes of every handshake frame: "PCL1" read as a little-endian number. */
export const FRAME_MAGIC = 0x314c4350;

/** Bytes before the payload of a handshake frame. */
export const FRAME_HEADER_BYTES = 24;

/**
 * Longest payload of a handshake frame: connect info (4 KiB by default) and attributes, with
 * room.
 */
export const FRAME_PAYLOAD_BYTES_MAX = 64 * 1024;

/** Offsets of the fields of a handshake frame, in bytes. */
export const FRAME_OFFSET = {
  MAGIC: 0,
  TYPE: 4,
  VERSION_MIN: 5,
  VERSION_MAX: 6,
  RESERVED: 7,
  FEATURES: 8,
  LAYOUT_HASH: 12,
  REGION_BYTES: 16,
  PAYLOAD_LENGTH: 20,
} as const;

/**
 * Kinds of handshake frame. The client sends the first, the server answers with one of the
 * others.
 */
export const FRAME_TYPE = { CONNECT_REQUEST: 1, ACCEPT: 2, REJECT: 3 } as const;

/** One of {@link FRAME_TYPE}. */
export type FrameType = (typeof FRAME_TYPE)[keyof typeof FRAME_TYPE];

/** Feature bits of a handshake frame. */
export const FEATURE = {
  /** The sender passes (or has accepted) a shared-memory region with this frame. */
  SHARED_MEMORY: 1,
  /**
   * The sender of CONNECT_REQUEST has a listener ready and wants the name; ACCEPT with the bit says
   * that its owner has let the name go.
   */
  HANDOVER: 2,
  /** The client asks for a thread of its own at the server; ACCEPT with the bit grants it. */
  QUICK: 4,
} as const;

/** Oldest and newest protocol version that this build speaks. */
export const WIRE_VERSION = { MIN: 2, MAX: 2 } as const;
