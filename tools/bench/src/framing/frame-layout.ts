/**
 * A frame of the socket baselines, little-endian:
 *
 * ```
 *   0        4        8
 *   +--------+--------+----------------+
 *   | length |   id   | body …         |
 *   +--------+--------+----------------+
 * ```
 *
 * `length` counts the body only. The two highest bits of `id` say which method is meant.
 */
export const FRAME_HEADER_BYTES = 8;

/** Set in a frame's id when the body is for `take`; a reply repeats the id. */
export const TAKE_FLAG = 0x8000_0000;

/** Set in a frame's id when the body asks for a stream, and in all messages of the stream. */
export const STREAM_FLAG = 0x4000_0000;

/** Longest body that a peer may announce: room for the largest payload, 16 MiB, and its codec. */
export const FRAME_BODY_BYTES_MAX = 64 * 1024 * 1024;

/** Writes a frame's header at `offset`. */
export function writeFrameHeader(
  into: Buffer,
  offset: number,
  header: { readonly lengthBytes: number; readonly id: number },
): void {
  into.writeUInt32LE(header.lengthBytes, offset);
  into.writeUInt32LE(header.id, offset + 4);
}
