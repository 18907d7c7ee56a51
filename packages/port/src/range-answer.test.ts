/*
 * Threat: a server asks for memory of its client. It gets only what a request that still waits lets
 * it reach, with the access that was given, within its bounds, however large the numbers.
 */
import { RANGE_OPERATION } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { MessageData } from './message-data.js';
import type { MemoryRange } from './outgoing-attributes.js';
import type { ReplySink } from './pending-requests.js';
import { answerRange } from './range-answer.js';

const { READ, WRITE } = RANGE_OPERATION;
const BAD = { code: 'INVALID_MESSAGE' };
const DATA_BYTES_MAX = 64;

function sinkOf(...ranges: MemoryRange[]): ReplySink {
  return { ranges, onReply: () => undefined, onFailure: () => undefined };
}

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}

interface Question {
  readonly operation: number;
  readonly index?: number;
  readonly offset?: bigint | number;
  readonly count?: bigint | number;
  readonly bytes?: Uint8Array;
}

/** The data of a RANGE message, somewhere in a buffer. */
function dataOf(question: Question): MessageData {
  const { operation, index = 0, offset = 0, bytes = new Uint8Array(0) } = question;
  const { count = bytes.length } = question;
  const all = new Uint8Array(16 + 24 + bytes.length + 9).fill(0xd7);
  const view = new DataView(all.buffer);
  view.setUint32(16, operation, true);
  view.setUint32(20, index, true);
  view.setBigUint64(24, BigInt(offset), true);
  view.setBigUint64(32, BigInt(count), true);
  all.set(bytes, 40);
  return { bytes: all, view, offset: 16, lengthBytes: 24 + bytes.length, isPrivate: false };
}

function ask(sink: ReplySink | undefined, question: Question) {
  return answerRange(sink, dataOf(question), DATA_BYTES_MAX);
}

describe('answerRange()', () => {
  it('reads any part of a range', () => {
    const sink = sinkOf({ bytes: new Uint8Array(5) }, { bytes: numbered(20), access: 'both' });
    const answer = ask(sink, { operation: READ, index: 1, offset: 3, count: 4 });
    expect(answer.code).toBeUndefined();
    expect([...answer.bytes!]).toEqual([3, 4, 5, 6]);
    expect(ask(sink, { operation: READ, index: 1, count: 20 }).bytes).toHaveLength(20);
    expect(ask(sink, { operation: READ, index: 1, offset: 20 }).bytes).toHaveLength(0);
  });

  it('writes any part of a range', () => {
    const bytes = numbered(6);
    const sink = sinkOf({ bytes, access: 'write' });
    const answer = ask(sink, { operation: WRITE, offset: 2, bytes: Uint8Array.of(90, 91) });
    expect(answer).toEqual({ code: undefined });
    expect([...bytes]).toEqual([0, 1, 90, 91, 4, 5]);
    expect(ask(sink, { operation: WRITE, offset: 6, bytes: new Uint8Array(0) }).code).toBe(
      undefined,
    );
  });

  it('is CANCELED when the request is settled', () => {
    expect(ask(undefined, { operation: READ, count: 1 })).toEqual({ code: 'CANCELED' });
  });

  it.each<readonly [MemoryRange['access'], number]>([
    [undefined, WRITE],
    ['read', WRITE],
    ['write', READ],
  ])('with access %s refuses operation %i', (access, operation) => {
    const bytes = numbered(10);
    const range = access === undefined ? { bytes } : { bytes, access };
    const written = operation === WRITE ? { bytes: Uint8Array.of(99) } : { count: 1 };
    expect(ask(sinkOf(range), { operation, ...written })).toEqual(BAD);
    expect([...bytes]).toEqual([...numbered(10)]);
  });

  it.each<readonly [string, Question]>([
    ['one byte behind the end', { operation: READ, offset: 10, count: 1 }],
    ['one byte too many', { operation: READ, offset: 0, count: 11 }],
    ['an offset of 2^32', { operation: READ, offset: 2 ** 32, count: 0 }],
    ['a length of 2^32', { operation: READ, offset: 0, count: 2 ** 32 }],
    ['an offset of 2^53', { operation: READ, offset: 2 ** 53, count: 1 }],
    ['a sum of 2^53', { operation: READ, offset: 2 ** 53 - 1, count: 1 }],
    ['an offset of 2^64 − 1', { operation: READ, offset: 2n ** 64n - 1n, count: 2 }],
    ['a sum of 2^64', { operation: READ, offset: 2n ** 64n - 5n, count: 5 }],
    ['a sum of 2^64 + 5', { operation: READ, offset: 2n ** 64n - 5n, count: 10 }],
    ['a length of 2^64 − 1', { operation: READ, offset: 1, count: 2n ** 64n - 1n }],
    ['a range that there is not', { operation: READ, index: 1, count: 1 }],
    ['range 2^32 − 1', { operation: READ, index: 2 ** 32 - 1, count: 1 }],
    ['operation 0', { operation: 0, count: 1 }],
    ['operation 3', { operation: 3, bytes: Uint8Array.of(1) }],
    ['reading with data', { operation: READ, bytes: Uint8Array.of(1) }],
    ['writing more than it sends', { operation: WRITE, count: 2, bytes: Uint8Array.of(1) }],
    ['writing less than it sends', { operation: WRITE, count: 0, bytes: Uint8Array.of(1) }],
    ['writing over the end', { operation: WRITE, offset: 9, bytes: Uint8Array.of(1, 2) }],
  ])('refuses %s', (_, question) => {
    const bytes = numbered(10);
    expect(ask(sinkOf({ bytes, access: 'both' }), question)).toEqual(BAD);
    expect([...bytes]).toEqual([...numbered(10)]);
  });

  it('refuses to read more than a message holds', () => {
    const sink = sinkOf({ bytes: new Uint8Array(100) });
    expect(ask(sink, { operation: READ, count: 64 }).code).toBeUndefined();
    expect(ask(sink, { operation: READ, count: 65 })).toEqual(BAD);
  });

  it('refuses everything of a request without ranges', () => {
    const sink = { onReply: () => undefined, onFailure: () => undefined };
    expect(ask(sink, { operation: READ })).toEqual(BAD);
  });

  it.each([0, 1, 23])('refuses a question of %i bytes', (lengthBytes) => {
    const data = { ...dataOf({ operation: READ, count: 1 }), lengthBytes };
    expect(answerRange(sinkOf({ bytes: numbered(10) }), data, 64)).toEqual(BAD);
  });

  it('refuses memory that its owner has detached', () => {
    const bytes = numbered(10);
    const sink = sinkOf({ bytes });
    structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
    expect(ask(sink, { operation: READ, count: 1 })).toEqual(BAD);
  });

  it('reaches nothing beside the range, whatever is asked', () => {
    const long = fc.oneof(
      fc.bigInt({ min: 0n, max: 40n }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    );
    const question = fc.record({
      operation: fc.nat(3),
      index: fc.nat(2),
      offset: long,
      count: long,
      bytes: fc.uint8Array({ maxLength: 12 }),
    });
    fc.assert(
      fc.property(question, (asked) => {
        const memory = numbered(48);
        const range = memory.subarray(8, 40);
        const { code, bytes } = ask(sinkOf({ bytes: range, access: 'both' }), asked);
        expect([undefined, 'INVALID_MESSAGE']).toContain(code);
        expect([...memory.subarray(0, 8)]).toEqual([...numbered(8)]);
        expect([...memory.subarray(40)]).toEqual([...numbered(48).subarray(40)]);
        if (bytes === undefined) return;
        expect(bytes.buffer).toBe(memory.buffer);
        expect(bytes.byteOffset).toBeGreaterThanOrEqual(range.byteOffset);
        expect(bytes.byteOffset + bytes.length).toBeLessThanOrEqual(40);
      }),
      { numRuns: 1000 },
    );
  });
});
