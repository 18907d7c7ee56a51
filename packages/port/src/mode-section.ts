import type { Link, SectionReference } from '@portcall/transport';

import { SECTION_MESSAGE_BYTES, addAttributes, writeSectionMessage } from './message-header.js';
import type { KnownMessage, StampAndCommit } from './mode-inline.js';

/**
 * Places the data in a section and sends a short message that points at it: one order with all
 * other messages. @returns false when there is no room now
 */
export function trySendSection(link: Link, message: KnownMessage, stamp: StampAndCommit): boolean {
  const { head, parts, totalBytes, attributes } = message;
  const lengthBytes = SECTION_MESSAGE_BYTES + (attributes?.lengthBytes ?? 0);
  // The record's place first: a section that was handed over cannot be taken back.
  const claim = link.tryClaim(lengthBytes);
  if (claim === undefined) return false;
  const { view, offset } = claim;
  let section: SectionReference | undefined;
  try {
    const canName =
      attributes === undefined ||
      attributes.tryWrite(view, offset + SECTION_MESSAGE_BYTES, link.companions);
    section = canName ? link.sections?.tryPlace(parts, totalBytes) : undefined;
  } finally {
    if (section === undefined) link.abort();
  }
  if (section === undefined) return false;
  writeSectionMessage(view, head, offset, section);
  if (attributes !== undefined) addAttributes(view, offset, attributes);
  stamp(view, head, offset, lengthBytes);
  return true;
}
