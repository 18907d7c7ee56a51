import {
  PORT_ATTRIBUTE_MAX,
  PORT_ATTRIBUTE_ORDER,
  PortError,
  STATUS,
  statusCodeOf,
  type PortAttributes,
  type StatusCode,
} from '@portcall/wire';

/*
 * What ports put into handshake frames; little-endian.
 *
 *   CONNECT_REQUEST and ACCEPT:  attributeCount u32 | that many u32 | infoLength u32 | info
 *   REJECT:                      status u16 | 0 u16 | infoLength u32 | info
 *
 * More attributes than we know are skipped; fewer are an error.
 */

/** Attributes that a peer of a later version may state. */
const ATTRIBUTE_COUNT_MAX = 256;

/** What a side says of itself when it connects or accepts. */
export interface ConnectPayload {
  readonly attributes: PortAttributes;
  readonly info: Uint8Array;
}

/** Why a server refuses. */
export interface RejectPayload {
  readonly status: StatusCode;
  readonly info: Uint8Array;
}

/** Bytes for a CONNECT_REQUEST or ACCEPT frame. */
export function encodeConnectPayload(payload: ConnectPayload): Uint8Array {
  const count = PORT_ATTRIBUTE_ORDER.length;
  const bytes = new Uint8Array(4 + 4 * count + 4 + payload.info.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, count, true);
  PORT_ATTRIBUTE_ORDER.forEach((name, index) => {
    view.setUint32(4 + 4 * index, payload.attributes[name], true);
  });
  view.setUint32(4 + 4 * count, payload.info.length, true);
  bytes.set(payload.info, 8 + 4 * count);
  return bytes;
}

/**
 * Reads the payload of a CONNECT_REQUEST or ACCEPT frame of a peer.
 *
 * @throws PortError PROTOCOL_ERROR
 */
export function decodeConnectPayload(bytes: Uint8Array): ConnectPayload {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = PORT_ATTRIBUTE_ORDER.length;
  const count = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (count < known || count > ATTRIBUTE_COUNT_MAX) throw bad(`it states ${count} attributes`);
  const infoStart = 8 + 4 * count;
  if (bytes.length < infoStart) throw bad(`it has ${bytes.length} bytes`);
  const attributes: Record<string, number> = {};
  PORT_ATTRIBUTE_ORDER.forEach((name, index) => {
    const value = view.getUint32(4 + 4 * index, true);
    if (value < 1 || value > PORT_ATTRIBUTE_MAX) throw bad(`its ${name} is ${value}`);
    attributes[name] = value;
  });
  const infoBytes = view.getUint32(infoStart - 4, true);
  if (infoBytes !== bytes.length - infoStart) throw bad(`its info has ${infoBytes} bytes`);
  return {
    attributes: attributes as unknown as PortAttributes,
    info: bytes.slice(infoStart),
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
