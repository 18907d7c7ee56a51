import {
  ATTRIBUTES_KNOWN,
  ATTRIBUTE_WORDS,
  PortError,
  STATUS,
  statusCodeOf,
  type PortAttributes,
  type StatusCode,
} from '@portcall/wire';

import { attributeWords, attributesFromWords } from './attributes.js';

/*
 * What ports put into handshake frames; little-endian.
 *
 *   CONNECT_REQUEST and ACCEPT:
 *     attributeCount u32 | that many u32 | wanted u32 | tracking u8 | effectiveOnly u8 | 0 u16
 *     | infoLength u32 | info
 *   REJECT:
 *     status u16 | 0 u16 | infoLength u32 | info
 *
 * More attributes than we know are skipped; fewer are an error.
 */

/** Attributes that a peer of a later version may state. */
const ATTRIBUTE_COUNT_MAX = 256;

/** Bytes between the attributes and the info: wanted, tracking, effectiveOnly, infoLength. */
const FIXED_BYTES = 12;

/** What a side says of itself when it connects or accepts. */
export interface ConnectPayload {
  readonly attributes: PortAttributes;
  /** Sum of the `ATTRIBUTE` bits that this side wants with messages. */
  readonly wanted: number;
  /** The server may ask who the client is anew with each message. The client's; else false. */
  readonly isDynamic: boolean;
  /** The server sees effective ids only, no groups. The client's; else false. */
  readonly effectiveOnly: boolean;
  readonly info: Uint8Array;
}

/** Why a server refuses. */
export interface RejectPayload {
  readonly status: StatusCode;
  readonly info: Uint8Array;
}

/** Bytes for a CONNECT_REQUEST or ACCEPT frame. */
export function encodeConnectPayload(payload: ConnectPayload): Uint8Array {
  const words = attributeWords(payload.attributes);
  const fixed = 4 + 4 * words.length;
  const bytes = new Uint8Array(fixed + FIXED_BYTES + payload.info.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, words.length, true);
  words.forEach((word, index) => view.setUint32(4 + 4 * index, word, true));
  view.setUint32(fixed, payload.wanted, true);
  view.setUint8(fixed + 4, payload.isDynamic ? 1 : 0);
  view.setUint8(fixed + 5, payload.effectiveOnly ? 1 : 0);
  view.setUint32(fixed + 8, payload.info.length, true);
  bytes.set(payload.info, fixed + FIXED_BYTES);
  return bytes;
}

/**
 * Reads the payload of a CONNECT_REQUEST or ACCEPT frame of a peer.
 *
 * @throws PortError PROTOCOL_ERROR
 */
export function decodeConnectPayload(bytes: Uint8Array): ConnectPayload {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (count < ATTRIBUTE_WORDS || count > ATTRIBUTE_COUNT_MAX) {
    throw bad(`it states ${count} attributes`);
  }
  const fixed = 4 + 4 * count;
  if (bytes.length < fixed + FIXED_BYTES) throw bad(`it has ${bytes.length} bytes`);
  const words = Array.from({ length: count }, (_, index) => view.getUint32(4 + 4 * index, true));
  const tracking = view.getUint8(fixed + 4);
  const effectiveOnly = view.getUint8(fixed + 5);
  if (tracking > 1 || effectiveOnly > 1 || view.getUint16(fixed + 6, true) !== 0) {
    throw bad(`its tracking is ${tracking}, its effectiveOnly ${effectiveOnly}`);
  }
  const info = bytes.slice(fixed + FIXED_BYTES);
  const infoBytes = view.getUint32(fixed + 8, true);
  if (infoBytes !== info.length) throw bad(`its info has ${infoBytes} bytes`);
  return {
    attributes: attributesFromWords(words),
    wanted: view.getUint32(fixed, true) & ATTRIBUTES_KNOWN,
    isDynamic: tracking === 1,
    effectiveOnly: effectiveOnly === 1,
    info,
  };
}

/** Bytes for a REJECT frame. */
export function encodeRejectPayload(payload: RejectPayload): Uint8Array {
  const bytes = new Uint8Array(8 + payload.info.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, STATUS[payload.status].id, true);
  view.setUint32(4, payload.info.length, true);
  bytes.set(payload.info, 8);
  return bytes;
}

/** Reads the payload of a REJECT frame of a peer. @throws PortError PROTOCOL_ERROR */
export function decodeRejectPayload(bytes: Uint8Array): RejectPayload {
  // A server that could not read our request at all refuses with nothing to say.
  if (bytes.length === 0) return { status: 'CONNECTION_REFUSED', info: bytes };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(4, true) !== bytes.length - 8) {
    throw bad(`it has ${bytes.length} bytes`);
  }
  const status = statusCodeOf(view.getUint16(0, true)) ?? 'CONNECTION_REFUSED';
  return { status, info: bytes.slice(8) };
}

function bad(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read handshake payload: ${text}`, {
    executed: 'no',
  });
}
