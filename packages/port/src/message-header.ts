import {
  ATTRIBUTE,
  ATTRIBUTE_BYTES_MAX,
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
  /** For a callback or a RANGE: the peer's request that it belongs to; 0 or left out otherwise. */
  callbackId?: number;
}

/** Layout of one message: `wire/message-layout.ts`. Reused: reading and writing make no objects. */
export interface MessageHeader extends Required<MessageHead> {
  mode: number;
  sequence: number;
  attributeMask: number;
  /** Bytes of user data, in either mode. */
  dataLength: number;
  /** Where the attributes begin in the buffer; data follows them. */
  bodyOffset: number;
  /** Where the message ends in the buffer. */
  end: number;
  /** For section mode: the section's number; 0 when the message names none. */
  sectionId: number;
  /** Why a request cannot be taken though its frame is good; `undefined` when it can. */
  defect: string | undefined;
}

/** Bytes before the data of an inline message without attributes. */
export const INLINE_OVERHEAD_BYTES = MESSAGE_HEADER_BYTES;

/** Bytes of a message without attributes whose data is in a section. */
export const SECTION_MESSAGE_BYTES = MESSAGE_HEADER_BYTES + DATA_INFO_BYTES;

/** Bytes that a record can have beside inline data. */
export const MESSAGE_OVERHEAD_MAX = SECTION_MESSAGE_BYTES + ATTRIBUTE_BYTES_MAX;

const KNOWN_FLAGS = MESSAGE_FLAG.EXECUTED_YES | MESSAGE_FLAG.EXECUTED_NO;

/** A header to read into. */
export function emptyHeader(): MessageHeader {
  return {
    type: 0,
    messageId: 0,
    callbackId: 0,
    status: 0,
    flags: 0,
    mode: 0,
    sequence: 0,
    attributeMask: 0,
    dataLength: 0,
    bodyOffset: 0,
    end: 0,
    sectionId: 0,
    defect: undefined,
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

/** Says in a header that was written that attributes are between it and the data. */
export function addAttributes(
  view: DataView,
  offset: number,
  attributes: { readonly mask: number; readonly lengthBytes: number },
): void {
  const total = view.getUint32(offset + MESSAGE_OFFSET.TOTAL_LENGTH, true);
  view.setUint32(offset + MESSAGE_OFFSET.TOTAL_LENGTH, total + attributes.lengthBytes, true);
  view.setUint32(offset + MESSAGE_OFFSET.ATTRIBUTE_MASK, attributes.mask, true);
}

function writeCommon(view: DataView, head: MessageHead, offset: number): void {
  view.setUint8(offset + MESSAGE_OFFSET.TYPE, head.type);
  view.setUint16(offset + MESSAGE_OFFSET.FLAGS, head.flags, true);
  view.setUint32(offset + MESSAGE_OFFSET.MESSAGE_ID, head.messageId, true);
  view.setUint32(offset + MESSAGE_OFFSET.CALLBACK_ID, head.callbackId ?? 0, true);
  view.setUint32(offset + MESSAGE_OFFSET.ATTRIBUTE_MASK, 0, true);
  view.setUint16(offset + MESSAGE_OFFSET.STATUS, head.status, true);
}

/**
 * Reads and checks the header of a message that came from a peer: the one place that does.
 *
 * What is wrong with the data of an otherwise good REQUEST is told in `into.defect`: it is answered
 * with INVALID_MESSAGE, and the connection lives.
 *
 * @throws PortError PROTOCOL_ERROR when it cannot be a message
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
  into.callbackId = view.getUint32(offset + MESSAGE_OFFSET.CALLBACK_ID, true);
  into.sequence = view.getUint32(offset + MESSAGE_OFFSET.SEQUENCE, true);
  into.attributeMask = view.getUint32(offset + MESSAGE_OFFSET.ATTRIBUTE_MASK, true);
  into.dataLength = view.getUint32(offset + MESSAGE_OFFSET.DATA_LENGTH, true);
  into.status = view.getUint16(offset + MESSAGE_OFFSET.STATUS, true);
  into.end = offset + lengthBytes;
  into.sectionId = 0;
  checkHead(into);
  into.defect = defectOfData(into, view, offset);
  if (into.defect !== undefined && into.type !== MESSAGE_TYPE.REQUEST) throw bad(into.defect);
}

/** Which of the numbers a type may have at all. */
function checkHead(header: MessageHeader): void {
  const { type, flags, status, messageId, callbackId, attributeMask } = header;
  if (type < MESSAGE_TYPE.REQUEST || type > MESSAGE_TYPE.PONG) throw bad(`its type is ${type}`);
  if (flags !== 0 && ((flags & ~KNOWN_FLAGS) !== 0 || type !== MESSAGE_TYPE.REPLY)) {
    throw bad(`its flags are ${flags}`);
  }
  if (status !== 0 && type !== MESSAGE_TYPE.REPLY && type !== MESSAGE_TYPE.CLOSE) {
    throw bad(`its status is ${status}`);
  }
  const hasNoId =
    type === MESSAGE_TYPE.DATAGRAM || type === MESSAGE_TYPE.CLOSE || type === MESSAGE_TYPE.CREDIT;
  if ((messageId === 0) !== hasNoId) throw bad(`its id is ${messageId}`);
  const isAboutRequest = type === MESSAGE_TYPE.RANGE;
  if (callbackId === 0 ? isAboutRequest : !isAboutRequest && type !== MESSAGE_TYPE.REQUEST) {
    throw bad(`its callback id is ${callbackId}`);
  }
  if (attributeMask !== 0 && type !== MESSAGE_TYPE.REQUEST && type !== MESSAGE_TYPE.DATAGRAM) {
    throw bad('it has attributes');
  }
  if ((attributeMask & ATTRIBUTE.DIRECT) !== 0 && type !== MESSAGE_TYPE.REQUEST) {
    throw bad('it has ranges, which only a request can have');
  }
}

/** @returns what is wrong with data-infos and lengths, `undefined` when they agree */
function defectOfData(into: MessageHeader, view: DataView, offset: number): string | undefined {
  const infoCount = view.getUint16(offset + MESSAGE_OFFSET.DATA_INFO_COUNT, true);
  const { mode, dataLength, attributeMask, end } = into;
  into.bodyOffset = offset + MESSAGE_HEADER_BYTES;
  if (mode === MESSAGE_MODE.INLINE) {
    const bodyBytes = end - into.bodyOffset;
    const fits = attributeMask === 0 ? dataLength === bodyBytes : dataLength <= bodyBytes;
    if (infoCount === 0 && fits) return undefined;
    return `its data is ${dataLength} bytes of ${bodyBytes}, with ${infoCount} data-infos`;
  }
  if (mode !== MESSAGE_MODE.SECTION) return `its mode is ${mode}`;
  const info = into.bodyOffset;
  into.bodyOffset += DATA_INFO_BYTES;
  if (infoCount !== 1 || into.bodyOffset > end) return `it has ${infoCount} data-infos`;
  into.sectionId = view.getUint32(info + DATA_INFO_OFFSET.SECTION_ID, true);
  if (attributeMask === 0 && into.bodyOffset !== end) return 'it has data behind its data-info';
  const low = view.getUint32(info + DATA_INFO_OFFSET.LENGTH_LOW, true);
  const high = view.getUint32(info + DATA_INFO_OFFSET.LENGTH_HIGH, true);
  const reserved = view.getUint32(info + DATA_INFO_OFFSET.RESERVED, true);
  if (low === dataLength && high === 0 && reserved === 0) return undefined;
  return `its data is ${dataLength} bytes, its data-info says ${low}`;
}

function bad(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read message: ${text}`);
}
