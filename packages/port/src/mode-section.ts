import type { Link } from '@portcall/transport';

import { SECTION_MESSAGE_BYTES, writeSectionMessage } from './message-header.js';
import type { KnownMessage, StampAndCommit } from './mode-inline.js';

/**
 * Places the data in a section and sends a short message that points at it: one order with all
 * other messages. @returns false when there is no room now
 */
export function trySendSection(link: Link, message: KnownMessage, stamp: StampAndCommit): boolean {
  const { head, parts, totalBytes } = message;
  // The record's place first: a section that was handed over cannot be taken back.
  const claim = link.tryClaim(SECTION_MESSAGE_BYTES);
  if (claim === undefined) return false;
  const section = link.sections?.tryPlace(parts, totalBytes);
  if (section === undefined) {
    link.abort();
    return false;
  }
  const { view, offset } = claim;
  writeSectionMessage(view, head, offset, section);
  stamp(view, head, offset, SECTION_MESSAGE_BYTES);
  return true;
}
