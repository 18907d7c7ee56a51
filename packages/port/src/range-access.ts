import {
  MESSAGE_TYPE,
  PortError,
  RANGE_HEADER_BYTES,
  RANGE_OPERATION,
  type MessageId,
} from '@portcall/wire';

import type { AnnouncedRange } from './incoming-attributes.js';
import { ownData } from './message-data.js';
import type { PortChannel } from './port-channel.js';
import type { ReplySink } from './pending-requests.js';
import type { RangePart } from './port-end.js';

/**
 * Pieces under way at once: enough to keep both sides busy, few enough to leave room for others.
 */
const PIECES_AT_ONCE = 8;

/** Reaches the memory ranges of one request of the peer, by asking its side to copy. */
export class RangeAccess {
  readonly #channel: PortChannel;
  readonly #requestId: MessageId;
  readonly #ranges: readonly AnnouncedRange[];

  constructor(channel: PortChannel, requestId: MessageId, ranges: readonly AnnouncedRange[]) {
    this.#channel = channel;
    this.#requestId = requestId;
    this.#ranges = ranges;
  }

  /**
   * Reads a part of a range; in pieces when it is longer than a message.
   *
   * @throws RangeError outside the range; PortError ACCESS_DENIED, CANCELED, DISCONNECTED
   */
  async read(index: number, part: RangePart = {}): Promise<Uint8Array> {
    const { offset = 0 } = part;
    const range = this.#find(index);
    const length = part.length ?? range.lengthBytes - offset;
    this.#check(range, offset, length);
    if (!range.isReadable) throw denied('read', index);
    const { maxViewSize } = this.#channel.attributes;
    // The sender says how long it is: nobody has to believe it all at once.
    if (length > maxViewSize) throw tooMuch(length, maxViewSize);
    const result = new Uint8Array(length);
    const step = this.#channel.dataBytesMax;
    await inPieces(length, step, async (start, count) => {
      const head = header(RANGE_OPERATION.READ, index, [offset + start, count]);
      const bytes = await this.#ask(head, undefined);
      if (bytes.length !== count) throw wrongLength(bytes.length, count);
      result.set(bytes, start);
    });
    return result;
  }

  /** Writes into a range. @throws as `read` */
  async write(index: number, bytes: Uint8Array, offset = 0): Promise<void> {
    const range = this.#find(index);
    this.#check(range, offset, bytes.length);
    if (!range.isWritable) throw denied('write', index);
    const step = this.#channel.dataBytesMax - RANGE_HEADER_BYTES;
    await inPieces(bytes.length, step, async (start, count) => {
      const head = header(RANGE_OPERATION.WRITE, index, [offset + start, count]);
      await this.#ask(head, bytes.subarray(start, start + count));
    });
  }

  #find(index: number): AnnouncedRange {
    const range = this.#ranges[index];
    if (range !== undefined) return range;
    throw new RangeError(`Cannot reach range ${index}: the message has ${this.#ranges.length}`);
  }

  #check(range: AnnouncedRange, offset: number, length: number): void {
    const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (isWhole && offset >= 0 && length >= 0 && offset + length <= range.lengthBytes) return;
    throw new RangeError(
      `Cannot reach ${length} bytes at ${offset}: the range has ${range.lengthBytes} bytes`,
    );
  }

  #ask(head: Uint8Array, piece: Uint8Array | undefined): Promise<Uint8Array> {
    const channel = this.#channel;
    return new Promise((resolve, reject) => {
      const sink: ReplySink = {
        purpose: 'range',
        onReply: (data: Parameters<typeof ownData>[0]) => resolve(ownData(data)),
        onFailure: reject,
      };
      const messageId = channel.addRequest(sink, Infinity);
      const callbackId = this.#requestId;
      const parts = piece === undefined ? [head] : [head, piece];
      try {
        channel.send(
          { type: MESSAGE_TYPE.RANGE, messageId, status: 0, flags: 0, callbackId },
          parts,
        );
      } catch (error) {
        channel.abandonRequest(messageId);
        throw error;
      }
    });
  }
}

/** Does the pieces of a long transfer in order, some at once. */
async function inPieces(
  lengthBytes: number,
  stepBytes: number,
  each: (start: number, count: number) => Promise<void>,
): Promise<void> {
  if (stepBytes < 1) {
    throw new PortError('MESSAGE_TOO_LONG', 'Cannot reach range: maxMessageLength is too small');
  }
  for (let done = 0; done < lengthBytes; done += stepBytes * PIECES_AT_ONCE) {
    const pieces: Promise<void>[] = [];
    for (let piece = 0; piece < PIECES_AT_ONCE; piece++) {
      const start = done + piece * stepBytes;
      if (start < lengthBytes) pieces.push(each(start, Math.min(stepBytes, lengthBytes - start)));
    }
    await Promise.all(pieces);
  }
}

/** Layout: `wire/message-attributes-layout.ts`. */
function header(operation: number, index: number, longs: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(RANGE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, operation, true);
  view.setUint32(4, index, true);
  longs.forEach((value, at) => view.setBigUint64(8 + 8 * at, BigInt(value), true));
  return bytes;
}

function tooMuch(length: number, limit: number): PortError {
  return new PortError(
    'QUOTA_EXCEEDED',
    `Cannot read range: ${length} bytes at once, limit is ${limit} bytes (maxViewSize)`,
  );
}

function denied(verb: string, index: number): PortError {
  return new PortError(
    'ACCESS_DENIED',
    `Cannot ${verb} range ${index}: its owner does not allow it`,
  );
}

function wrongLength(got: number, wanted: number): PortError {
  return new PortError('INVALID_MESSAGE', `Cannot read range: got ${got} bytes, wanted ${wanted}`);
}
