import type { Link } from '@portcall/transport';

import {
  INLINE_OVERHEAD_BYTES,
  addAttributes,
  writeInlineHeader,
  type MessageHead,
} from './message-header.js';
import type { OutgoingAttributes } from './outgoing-attributes.js';

/** A message whose length is known. */
export interface KnownMessage {
  readonly head: MessageHead;
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts. */
  readonly totalBytes: number;
  readonly attributes?: OutgoingAttributes | undefined;
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
  const { head, parts, totalBytes, attributes } = message;
  const attributeBytes = attributes?.lengthBytes ?? 0;
  const lengthBytes = INLINE_OVERHEAD_BYTES + attributeBytes + totalBytes;
  const claim = link.tryClaim(lengthBytes);
  if (claim === undefined) return false;
  const { bytes, view, offset } = claim;
  writeInlineHeader(view, head, offset, totalBytes);
  if (attributes !== undefined) {
    // The record's place first: what was handed over beside it cannot be taken back.
    let canName = false;
    try {
      canName = attributes.tryWrite(view, offset + INLINE_OVERHEAD_BYTES, link.companions);
    } finally {
      if (!canName) link.abort();
    }
    if (!canName) return false;
    addAttributes(view, offset, attributes);
  }
  let position = offset + INLINE_OVERHEAD_BYTES + attributeBytes;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  stamp(view, head, offset, lengthBytes);
  return true;
}
