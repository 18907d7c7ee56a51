import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { PortError } from '@portcall/wire';

import { RpcError, type ErrorDetail, type RpcErrorOptions } from './rpc-error.js';
import { Status } from './status.js';

/*
 * An error crosses the wire as google.rpc.Status:
 *   message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3;
 * }
 *   message Any { string type_url = 1; bytes value = 2; }
 */

/** Details of one error; more are cut off by the sender and refused by the receiver. */
const DETAILS_MAX = 64;

/** Encodes an error as google.rpc.Status. */
export function encodeErrorReply(error: RpcError): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, 0).int32(error.code).tag(2, 2).string(error.message);
  for (const { typeUrl, value } of error.details.slice(0, DETAILS_MAX)) {
    writer.tag(3, 2).fork().tag(1, 2).string(typeUrl).tag(2, 2).bytes(value).join();
  }
  return writer.finish();
}

/**
 * Reads an error that a peer sent.
 *
 * @returns the peer's error; a PortError PROTOCOL_ERROR when the bytes are not one
 */
export function decodeErrorReply(
  bytes: Uint8Array,
  options: Pick<RpcErrorOptions, 'method' | 'idempotent'>,
): RpcError | PortError {
  try {
    const reader = new BinaryReader(bytes);
    let code: number = Status.UNKNOWN;
    let message = '';
    const details: ErrorDetail[] = [];
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1) code = reader.int32();
      else if (field === 2) message = reader.string();
      else if (field === 3 && details.length < DETAILS_MAX) details.push(readDetail(reader));
      else reader.skip(wireType, field);
    }
    return new RpcError(code as Status, message, { ...options, details });
  } catch (cause) {
    return new PortError('PROTOCOL_ERROR', 'Cannot read error reply: it is malformed', {
      cause,
      executed: 'yes',
    });
  }
}

function readDetail(reader: BinaryReader): ErrorDetail {
  const length = reader.uint32();
  const end = reader.pos + length;
  let typeUrl = '';
  let value = new Uint8Array(0);
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) typeUrl = reader.string();
    else if (field === 2) value = new Uint8Array(reader.bytes());
    else reader.skip(wireType, field);
  }
  return { typeUrl, value };
}
