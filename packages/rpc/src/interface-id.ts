import { BIND_ITEM_BYTES, BIND_ITEMS_MAX, BIND_RESULT_BYTES, PortError } from '@portcall/wire';

import type { ServiceOptions } from './service-definition.js';

/** Which interface a client wants, as it crosses the wire. Layout in `wire/rpc-layout.ts`. */
export interface InterfaceId {
  /** 32 lower-case hexadecimal digits. */
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
  /** 32 lower-case hexadecimal digits. */
  readonly fingerprint: string;
}

/** What the server said to one interface. */
export interface BindResult {
  /** Id of a status, 0 when it was accepted. */
  readonly status: number;
  /** Its number on this connection. */
  readonly index: number;
  /** The server's minor version. */
  readonly minor: number;
  /** Same version, but the schemas differ. */
  readonly fingerprintDiffers: boolean;
}

const HEX_32 = /^[0-9a-f]{32}$/;

/** The identity of a service. @throws TypeError when its UUID or fingerprint is malformed */
export function interfaceIdOf(service: ServiceOptions): InterfaceId {
  const uuid = service.uuid.replaceAll('-', '').toLowerCase();
  if (!HEX_32.test(uuid) || !HEX_32.test(service.fingerprint)) {
    throw new TypeError(`Cannot use service ${service.fullName}: uuid or fingerprint is malformed`);
  }
  const { major, minor } = service.version;
  return { uuid, major, minor, fingerprint: service.fingerprint };
}

/** The data of a BIND request. */
export function encodeBindItems(items: readonly InterfaceId[]): Uint8Array {
  const bytes = Buffer.alloc(items.length * BIND_ITEM_BYTES);
  items.forEach((item, index) => {
    const offset = index * BIND_ITEM_BYTES;
    bytes.write(item.uuid, offset, 'hex');
    bytes.writeUInt16LE(item.major, offset + 16);
    bytes.writeUInt16LE(item.minor, offset + 18);
    bytes.write(item.fingerprint, offset + 24, 'hex');
  });
  return bytes;
}

/** Reads a BIND request of a peer. @throws PortError INVALID_MESSAGE */
export function decodeBindItems(bytes: Uint8Array): InterfaceId[] {
  const count = bytes.length / BIND_ITEM_BYTES;
  if (!Number.isInteger(count) || count < 1 || count > BIND_ITEMS_MAX) {
    throw new PortError(
      'INVALID_MESSAGE',
      `Cannot read bind request: it has ${bytes.length} ` + `bytes`,
    );
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * BIND_ITEM_BYTES;
    return {
      uuid: buffer.toString('hex', offset, offset + 16),
      major: buffer.readUInt16LE(offset + 16),
      minor: buffer.readUInt16LE(offset + 18),
      fingerprint: buffer.toString('hex', offset + 24, offset + 40),
    };
  });
}

/** The data of a BIND reply. */
export function encodeBindResults(results: readonly BindResult[]): Uint8Array {
  const bytes = Buffer.alloc(results.length * BIND_RESULT_BYTES);
  results.forEach((result, index) => {
    const offset = index * BIND_RESULT_BYTES;
    bytes.writeUInt16LE(result.status, offset);
    bytes.writeUInt16LE(result.index, offset + 2);
    bytes.writeUInt16LE(result.minor, offset + 4);
    bytes.writeUInt16LE(result.fingerprintDiffers ? 1 : 0, offset + 6);
  });
  return bytes;
}

/** Reads a BIND reply of a peer to `count` items. @throws PortError PROTOCOL_ERROR */
export function decodeBindResults(bytes: Uint8Array, count: number): BindResult[] {
  if (bytes.length !== count * BIND_RESULT_BYTES) {
    throw new PortError(
      'PROTOCOL_ERROR',
      `Cannot read bind reply: it has ${bytes.length} bytes for ${count} interfaces`,
      { executed: 'no' },
    );
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * BIND_RESULT_BYTES;
    return {
      status: buffer.readUInt16LE(offset),
      index: buffer.readUInt16LE(offset + 2),
      minor: buffer.readUInt16LE(offset + 4),
      fingerprintDiffers: buffer.readUInt16LE(offset + 6) === 1,
    };
  });
}
