/*
 * Threat: attributes are the peer's bytes: `undefined` or attributes within the bounds that
 * PROTOCOL.md 5.2 states come out, never an exception, and nothing beyond the end is read.
 */
import {
  ATTRIBUTE,
  ATTRIBUTES_KNOWN,
  ATTRIBUTE_BYTES_MAX,
  BAGGAGE_BYTES_MAX,
  BEHALF_CHAIN_MAX,
  HANDLES_MAX,
  RANGES_MAX,
  TRACE_BYTES_MAX,
} from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NO_ATTRIBUTES, readAttributes } from './incoming-attributes.js';

const { SECURITY, HANDLE, DIRECT, WORK_ON_BEHALF, ON_BEHALF_OF, DEADLINE } = ATTRIBUTE;

/** Bytes of a list of numbers; u64s as pairs. */
function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(4 * index, value, true));
  return bytes;
}

interface Work {
  readonly priority?: number;
  readonly zero?: number;
  readonly traceBytes?: number;
  readonly baggageBytes?: number;
  readonly zeros?: number;
  readonly text?: Uint8Array;
}

/** WORK_ON_BEHALF with the trace `ab` and one byte of baggage, unless told otherwise. */
function work(own: Work = {}): Uint8Array {
  const { priority = 2, zero = 0, traceBytes = 2, baggageBytes = 1, zeros = 0 } = own;
  const { text = Uint8Array.of(97, 98, 7, 0, 0, 0, 0, 0) } = own;
  const bytes = new Uint8Array(8 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, priority);
  view.setUint8(1, zero);
  view.setUint16(2, traceBytes, true);
  view.setUint16(4, baggageBytes, true);
  view.setUint16(6, zeros, true);
  bytes.set(text, 8);
  return bytes;
}

function read(mask: number, bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readAttributes(mask, view, 0, bytes.length);
}

const RANGE = [100, 0, 0, 0, 3, 0];
const IDENTITY = [10, 20, 30, 0, 40, 1];
const rangesOf = (count: number): number[] => Array.from({ length: count }, () => RANGE).flat();
const chainOf = (count: number): number[] => Array.from({ length: count }, () => IDENTITY).flat();

describe('readAttributes()', () => {
  it('reads each of them', () => {
    expect(read(SECURITY, words(5, 0))?.attributes).toEqual({ ...NO_ATTRIBUTES, credentialsId: 5 });
    const handles = { ...NO_ATTRIBUTES, batchId: 6, handleCount: 4 };
    expect(read(HANDLE, words(6, 4))?.attributes).toEqual(handles);
    const ranges = [
      { lengthBytes: 100, isReadable: true, isWritable: true },
      { lengthBytes: 2 ** 32 + 1, isReadable: true, isWritable: false },
      { lengthBytes: 0, isReadable: false, isWritable: true },
    ];
    const direct = words(3, 0, ...RANGE, 1, 1, 9, 9, 1, 0, 0, 0, 0, 0, 2, 0);
    expect(read(DIRECT, direct)?.attributes).toEqual({ ...NO_ATTRIBUTES, ranges });
    const own = { priority: 2, trace: 'ab', baggage: Uint8Array.of(7) };
    expect(read(WORK_ON_BEHALF, work())?.attributes).toEqual({ ...NO_ATTRIBUTES, work: own });
    const onBehalfOf = [{ pid: 10, uid: 20, gid: 30, startTime: 2 ** 32 + 40 }];
    const chain = read(ON_BEHALF_OF, words(1, 0, ...IDENTITY));
    expect(chain?.attributes).toEqual({ ...NO_ATTRIBUTES, onBehalfOf });
    const deadline = { ...NO_ATTRIBUTES, remainingMs: 2 ** 32 - 1 };
    expect(read(DEADLINE, words(2 ** 32 - 1, 0))?.attributes).toEqual(deadline);
  });

  it('reads them in the order of their bits, and says where they end', () => {
    const bytes = words(1, 0, 2, 1, 1, 0, ...RANGE, 0, 0, 1, 0, ...IDENTITY, 9, 0, 77, 77);
    const got = read(ATTRIBUTES_KNOWN, bytes);
    expect(got?.end).toBe(bytes.length - 8);
    expect(got?.attributes).toMatchObject({
      credentialsId: 1,
      batchId: 2,
      handleCount: 1,
      work: { priority: 0, trace: '' },
      remainingMs: 9,
    });
  });

  it('takes as many as there may be, of the lengths that there may be', () => {
    expect(read(DIRECT, words(8, 0, ...rangesOf(8)))?.attributes.ranges).toHaveLength(8);
    expect(read(ON_BEHALF_OF, words(8, 0, ...chainOf(8)))?.attributes.onBehalfOf).toHaveLength(8);
    const text = new Uint8Array(TRACE_BYTES_MAX + BAGGAGE_BYTES_MAX).fill(0x61);
    const longest = work({ traceBytes: 256, baggageBytes: 1024, text });
    expect(read(WORK_ON_BEHALF, longest)?.attributes.work?.baggage).toHaveLength(1024);
    const exact = words(1, 0, 0xffffffff, 0x1fffff, 0, 0, 1, 0);
    expect(read(DIRECT, exact)?.attributes.ranges?.[0]?.lengthBytes).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('copies: nothing of it changes with the message', () => {
    const bytes = work();
    const got = read(WORK_ON_BEHALF, bytes)?.attributes.work;
    bytes.fill(0);
    expect(got).toEqual({ priority: 2, trace: 'ab', baggage: Uint8Array.of(7) });
  });

  it('takes no trace that is no UTF-8: read, it would be longer than it may be', () => {
    const text = Uint8Array.of(0xff, 0xfe, 7, 0, 0, 0, 0, 0);
    expect(read(WORK_ON_BEHALF, work({ text }))).toBeUndefined();
  });

  it.each<readonly [string, number, Uint8Array]>([
    ['credentials with id 0', SECURITY, words(0, 0)],
    ['credentials with a second word', SECURITY, words(1, 1)],
    ['credentials cut short', SECURITY, words(1)],
    ['a batch with id 0', HANDLE, words(0, 1)],
    ['a batch without handles', HANDLE, words(1, 0)],
    ['a batch of 5 handles', HANDLE, words(1, 5)],
    ['a batch of 255 handles', HANDLE, words(1, 255)],
    ['a batch with a byte behind its count', HANDLE, words(1, 0x101)],
    ['a batch with the last byte set', HANDLE, words(1, 0x1000001)],
    ['a batch cut short', HANDLE, words(1)],
    ['no range', DIRECT, words(0, 0)],
    ['9 ranges', DIRECT, words(9, 0, ...rangesOf(9))],
    ['2^32 − 1 ranges', DIRECT, words(2 ** 32 - 1, 0, ...rangesOf(9))],
    ['ranges with a second word', DIRECT, words(1, 1, ...RANGE)],
    ['fewer ranges than it says', DIRECT, words(2, 0, ...RANGE)],
    ['a range without access', DIRECT, words(1, 0, 100, 0, 0, 0, 0, 0)],
    ['a range with access 4', DIRECT, words(1, 0, 100, 0, 0, 0, 4, 0)],
    ['a range with a last word', DIRECT, words(1, 0, 100, 0, 0, 0, 1, 1)],
    ['a range of 2^53 bytes', DIRECT, words(1, 0, 0, 0x200000, 0, 0, 1, 0)],
    ['a range of 2^64 − 1 bytes', DIRECT, words(1, 0, 2 ** 32 - 1, 2 ** 32 - 1, 0, 0, 1, 0)],
    ['priority 4', WORK_ON_BEHALF, work({ priority: 4 })],
    ['priority 255', WORK_ON_BEHALF, work({ priority: 255 })],
    ['work with its second byte set', WORK_ON_BEHALF, work({ zero: 1 })],
    ['work with its last bytes set', WORK_ON_BEHALF, work({ zeros: 1 })],
    ['a trace that is longer than it is', WORK_ON_BEHALF, work({ traceBytes: 9 })],
    ['baggage that is longer than it is', WORK_ON_BEHALF, work({ baggageBytes: 7 })],
    ['a trace of 257 bytes', WORK_ON_BEHALF, work({ traceBytes: 257, text: new Uint8Array(264) })],
    [
      'baggage of 1 025 bytes',
      WORK_ON_BEHALF,
      work({ traceBytes: 0, baggageBytes: 1025, text: new Uint8Array(1032) }),
    ],
    ['work cut short', WORK_ON_BEHALF, work().subarray(0, 7)],
    ['work without its padding', WORK_ON_BEHALF, work().subarray(0, 15)],
    ['padding that is not 0', WORK_ON_BEHALF, work({ baggageBytes: 0 })],
    ['nobody to act for', ON_BEHALF_OF, words(0, 0)],
    ['9 identities', ON_BEHALF_OF, words(9, 0, ...chainOf(9))],
    ['identities with a second word', ON_BEHALF_OF, words(1, 1, ...IDENTITY)],
    ['an identity with its fourth word set', ON_BEHALF_OF, words(1, 0, 1, 2, 3, 4, 5, 0)],
    ['a start time of 2^53', ON_BEHALF_OF, words(1, 0, 1, 2, 3, 0, 0, 0x200000)],
    ['fewer identities than it says', ON_BEHALF_OF, words(2, 0, ...IDENTITY)],
    ['no time left', DEADLINE, words(0, 0)],
    ['a deadline with a second word', DEADLINE, words(5, 1)],
    ['a deadline cut short', DEADLINE, words(5)],
    [
      'the last of all missing',
      ATTRIBUTES_KNOWN & ~WORK_ON_BEHALF,
      words(1, 0, 2, 1, 1, 0, ...RANGE),
    ],
  ])('refuses %s', (_, mask, bytes) => {
    expect(read(mask, bytes)).toBeUndefined();
    // More bytes behind the end do not make it better.
    const longer = new Uint8Array(bytes.length + 64);
    longer.set(bytes);
    const view = new DataView(longer.buffer);
    expect(readAttributes(mask, view, 0, bytes.length)).toBeUndefined();
  });

  it('makes of any bytes nothing, or attributes within the bounds', () => {
    const small = fc.oneof(fc.constant(0), fc.constant(0), fc.nat(9), fc.nat(2 ** 32 - 1));
    const likely = fc.array(small, { maxLength: 60, size: 'max' }).map((list) => words(...list));
    const any = fc.uint8Array({ maxLength: 400, size: 'max' });
    fc.assert(
      fc.property(fc.nat(63), fc.oneof(likely, any), fc.nat(24), (mask, bytes, offset) => {
        const end = Math.max(bytes.length - 8, offset);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const got = readAttributes(mask, view, offset, Math.min(end, bytes.length));
        if (got === undefined) return;
        const { attributes } = got;
        expect(got.end).toBeGreaterThanOrEqual(offset);
        expect(got.end).toBeLessThanOrEqual(end);
        expect((got.end - offset) % 8).toBe(0);
        expect(got.end - offset).toBeLessThanOrEqual(ATTRIBUTE_BYTES_MAX);
        expect(attributes.credentialsId !== undefined).toBe((mask & SECURITY) !== 0);
        expect(attributes.batchId !== undefined).toBe((mask & HANDLE) !== 0);
        expect(attributes.ranges !== undefined).toBe((mask & DIRECT) !== 0);
        expect(attributes.work !== undefined).toBe((mask & WORK_ON_BEHALF) !== 0);
        expect(attributes.onBehalfOf !== undefined).toBe((mask & ON_BEHALF_OF) !== 0);
        expect(attributes.remainingMs !== undefined).toBe((mask & DEADLINE) !== 0);
        expect(attributes.handleCount).toBeLessThanOrEqual(HANDLES_MAX);
        expect(attributes.ranges?.length ?? 1).toBeLessThanOrEqual(RANGES_MAX);
        expect(attributes.onBehalfOf?.length ?? 1).toBeLessThanOrEqual(BEHALF_CHAIN_MAX);
        for (const { lengthBytes } of attributes.ranges ?? []) {
          expect(Number.isSafeInteger(lengthBytes)).toBe(true);
        }
        expect(attributes.work?.priority ?? 0).toBeLessThanOrEqual(3);
        expect(attributes.work?.baggage.length ?? 0).toBeLessThanOrEqual(BAGGAGE_BYTES_MAX);
      }),
      { numRuns: 3000 },
    );
  });
});
