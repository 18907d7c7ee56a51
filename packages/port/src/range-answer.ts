import { RANGE_HEADER_BYTES, RANGE_OPERATION, type StatusCode } from '@portcall/wire';

import type { MessageData } from './message-data.js';
import type { ReplySink } from './pending-requests.js';

/** The answer to a RANGE message. */
export interface RangeAnswer {
  /** Why not; `undefined` when it was done. */
  readonly code: StatusCode | undefined;
  /** What was read: a view of the program's own memory. */
  readonly bytes?: Uint8Array;
}

/**
 * Reads or writes memory that a request of ours lets the peer reach.
 *
 * Everything in `data` comes from the peer: the range must belong to a request that still waits,
 * and bounds and access must fit.
 *
 * @param sink of the request, `undefined` when it is settled
 * @param dataBytesMax largest answer
 */
export function answerRange(
  sink: ReplySink | undefined,
  data: MessageData,
  dataBytesMax: number,
): RangeAnswer {
  if (sink === undefined) return { code: 'CANCELED' };
  const { view, offset, lengthBytes } = data;
  if (lengthBytes < RANGE_HEADER_BYTES) return { code: 'INVALID_MESSAGE' };
  const operation = view.getUint32(offset, true);
  const range = sink.ranges?.[view.getUint32(offset + 4, true)];
  const start = readLong(view, offset + 8);
  const count = readLong(view, offset + 16);
  if (range === undefined || start + count > range.bytes.length) return { code: 'INVALID_MESSAGE' };
  const { access = 'read', bytes } = range;
  if (operation === RANGE_OPERATION.READ) {
    const isAllowed = access !== 'write' && lengthBytes === RANGE_HEADER_BYTES;
    if (!isAllowed || count > dataBytesMax) return { code: 'INVALID_MESSAGE' };
    return { code: undefined, bytes: bytes.subarray(start, start + count) };
  }
  const isWrite = operation === RANGE_OPERATION.WRITE && access !== 'read';
  if (!isWrite || count !== lengthBytes - RANGE_HEADER_BYTES) return { code: 'INVALID_MESSAGE' };
  const from = offset + RANGE_HEADER_BYTES;
  bytes.set(data.bytes.subarray(from, from + count), start);
  return { code: undefined };
}

/** A u64; past 2^53 it is only as large as it needs to be to fit nowhere. */
function readLong(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x100000000 + view.getUint32(offset, true);
}
