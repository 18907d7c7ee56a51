import {
  DATA_INFO_BYTES,
  DATA_INFO_OFFSET,
  MESSAGE_FLAG,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MODE,
  MESSAGE_OFFSET,
  MESSAGE_TYPE,
  PortError,
} from '@portcall/wire';
import type { SectionReference } from '@portcall/transport';

/** What a sender decides of a message; the port adds lengths, mode and sequence. */
export interface MessageHead {
  /** One of `MESSAGE_TYPE`. */
  type: number;
  messageId: number;
  /** Id of a status, 0 for success. */
  status: number;
  /** Sum of `MESSAGE_FLAG`. */
  flags: number;
}

/** Layout of one message: `wire/message-layout.ts`. Reused: reading and writing make no objects. */
export interface MessageHeader extends MessageHead {
  mode: number;
  sequence: number;
  /** Bytes of user data, in either mode. */
  dataLength: number;
  /** Where inline data begins in the buffer. */
  dataOffset: number;
  /** For section mode: the section's number. */
  sectionId: number;
}

/** Bytes before the data of an inline message. */
export const INLINE_OVERHEAD_BYTES = MESSAGE_HEADER_BYTES;

/** Bytes of a message whose data is in a section. */
export const SECTION_MESSAGE_BYTES = MESSAGE_HEADER_BYTES + DATA_INFO_BYTES;

const KNOWN_FLAGS = MESSAGE_FLAG.EXECUTED_YES | MESSAGE_FLAG.EXECUTED_NO;

/** A header to read into. */
export function emptyHeader(): MessageHeader {
  return {
    type: 0,
    messageId: 0,
    status: 0,
    flags: 0,
    mode: 0,
    sequence: 0,
    dataLength: 0,
    dataOffset: 0,
    sectionId: 0,
  };
}

/** Writes the header of a message whose inline data is there already. */
export function writeInlineHeader(
  view: DataView,
  head: MessageHead,
  offset: number,
  dataLength: number,
): void {
  writeCommon(view, head, offset);
  view.setUint32(offset + MESSAGE_OFFSET.DATA_LENGTH, dataLength, true);
  view.setUint32(offset + MESSAGE_OFFSET.TOTAL_LENGTH, MESSAGE_HEADER_BYTES + dataLength, true);
  view.setUint8(offset + MESSAGE_OFFSET.MODE, MESSAGE_MODE.INLINE);
  view.setUint16(offset + MESSAGE_OFFSET.DATA_INFO_COUNT, 0, true);
}

/** Writes a whole message whose data is in a section. */
export function writeSectionMessage(
  view: DataView,
  head: MessageHead,
  offset: number,
  section: SectionReference,
): void {
  writeCommon(view, head, offset);
  view.setUint32(offset + MESSAGE_OFFSET.DATA_LENGTH, section.lengthBytes, true);
  view.setUint32(offset + MESSAGE_OFFSET.TOTAL_LENGTH, SECTION_MESSAGE_BYTES, true);
  view.setUint8(offset + MESSAGE_OFFSET.MODE, MESSAGE_MODE.SECTION);
  view.setUint16(offset + MESSAGE_OFFSET.DATA_INFO_COUNT, 1, true);
  const info = offset + MESSAGE_HEADER_BYTES;
  view.setUint32(info + DATA_INFO_OFFSET.SECTION_ID, section.sectionId, true);
  view.setUint32(info + DATA_INFO_OFFSET.RESERVED, 0, true);
  view.setUint32(info + DATA_INFO_OFFSET.LENGTH_LOW, section.lengthBytes, true);
  view.setUint32(info + DATA_INFO_OFFSET.LENGTH_HIGH, 0, true);
}

function writeCommon(view: DataView, head: MessageHead, offset: number): void {
  view.setUint8(offset + MESSAGE_OFFSET.TYPE, head.type);
  view.setUint16(offset + MESSAGE_OFFSET.FLAGS, head.flags, true);
  view.setUint32(offset + MESSAGE_OFFSET.MESSAGE_ID, head.messageId, true);
  view.setUint32(offset + MESSAGE_OFFSET.CALLBACK_ID, 0, true);
  view.setUint32(offset + MESSAGE_OFFSET.ATTRIBUTE_MASK, 0, true);
  view.setUint16(offset + MESSAGE_OFFSET.STATUS, head.status, true);
}

/**
 * Reads and checks the header of a message that came from a peer: the one place that does.
 *
 * @throws PortError PROTOCOL_ERROR when header, lengths and data-infos do not agree
 */
export function readMessageHeader(
  into: MessageHeader,
  view: DataView,
  offset: number,
  lengthBytes: number,
): void {
  if (lengthBytes < MESSAGE_HEADER_BYTES) throw bad(`it has ${lengthBytes} bytes`);
  const totalLength = view.getUint32(offset + MESSAGE_OFFSET.TOTAL_LENGTH, true);
  if (totalLength !== lengthBytes) {
    throw bad(`its length is ${totalLength} bytes, record has ${lengthBytes} bytes`);
  }
  into.type = view.getUint8(offset + MESSAGE_OFFSET.TYPE);
  into.mode = view.getUint8(offset + MESSAGE_OFFSET.MODE);
  into.flags = view.getUint16(offset + MESSAGE_OFFSET.FLAGS, true);
  into.messageId = view.getUint32(offset + MESSAGE_OFFSET.MESSAGE_ID, true);
  into.sequence = view.getUint32(offset + MESSAGE_OFFSET.SEQUENCE, true);
  into.dataLength = view.getUint32(offset + MESSAGE_OFFSET.DATA_LENGTH, true);
  into.status = view.getUint16(offset + MESSAGE_OFFSET.STATUS, true);
  into.dataOffset = offset + MESSAGE_HEADER_BYTES;
  if (into.type < MESSAGE_TYPE.REQUEST || into.type > MESSAGE_TYPE.CLOSE) {
    throw bad(`its type is ${into.type}`);
  }
  if ((into.flags & ~KNOWN_FLAGS) !== 0) throw bad(`its flags are ${into.flags}`);
  if (view.getUint32(offset + MESSAGE_OFFSET.ATTRIBUTE_MASK, true) !== 0) {
    throw bad('it has attributes, and none were agreed on');
  }
  checkData(into, view, offset);
}

function checkData(into: MessageHeader, view: DataView, offset: number): void {
  const infoCount = view.getUint16(offset + MESSAGE_OFFSET.DATA_INFO_COUNT, true);
  const totalLength = view.getUint32(offset + MESSAGE_OFFSET.TOTAL_LENGTH, true);
  if (into.mode === MESSAGE_MODE.INLINE) {
    if (infoCount !== 0 || into.dataLength !== totalLength - MESSAGE_HEADER_BYTES) {
      throw bad(`its data is ${into.dataLength} bytes, with ${infoCount} data-infos`);
    }
    return;
  }
  if (into.mode !== MESSAGE_MODE.SECTION) throw bad(`its mode is ${into.mode}`);
  if (infoCount !== 1 || totalLength !== SECTION_MESSAGE_BYTES) {
    throw bad(`it has ${infoCount} data-infos and ${totalLength} bytes`);
  }
  const info = offset + MESSAGE_HEADER_BYTES;
  into.sectionId = view.getUint32(info + DATA_INFO_OFFSET.SECTION_ID, true);
  const low = view.getUint32(info + DATA_INFO_OFFSET.LENGTH_LOW, true);
  const high = view.getUint32(info + DATA_INFO_OFFSET.LENGTH_HIGH, true);
  if (low !== into.dataLength || high !== 0) {
    throw bad(`its data is ${into.dataLength} bytes, its data-info says ${low}`);
  }
}

function bad(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read message: ${text}`);
}
