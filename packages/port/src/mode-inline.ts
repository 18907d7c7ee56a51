import type { Link } from '@portcall/transport';

import { INLINE_OVERHEAD_BYTES, writeInlineHeader, type MessageHead } from './message-header.js';

/** A message whose length is known. */
export interface KnownMessage {
  readonly head: MessageHead;
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts. */
  readonly totalBytes: number;
}

/** Numbers the message that starts at `start` and commits its record. */
export type StampAndCommit = (
  view: DataView,
  head: MessageHead,
  start: number,
  lengthBytes: number,
) => void;

/** Copies the data into the record itself. @returns false when there is no room now */
export function trySendInline(link: Link, message: KnownMessage, stamp: StampAndCommit): boolean {
  const { head, parts, totalBytes } = message;
  const claim = link.tryClaim(INLINE_OVERHEAD_BYTES + totalBytes);
  if (claim === undefined) return false;
  const { bytes, view, offset } = claim;
  let position = offset + INLINE_OVERHEAD_BYTES;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  writeInlineHeader(view, head, offset, totalBytes);
  stamp(view, head, offset, INLINE_OVERHEAD_BYTES + totalBytes);
  return true;
}
