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
import type { CompanionSpace } from '@portcall/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { readAttributes, type IncomingAttributes } from './incoming-attributes.js';
import {
  OutgoingAttributes,
  align8,
  type AttributeParts,
  type ClaimedIdentity,
} from './outgoing-attributes.js';

/** Places beside the messages; each refuses as often as it is told to. */
class Companions implements CompanionSpace {
  readonly handles: (readonly number[])[] = [];
  credentials = 0;
  refusals = 0;

  tryPlaceHandles(fds: readonly number[]): number | undefined {
    if (this.refusals-- > 0) return undefined;
    return this.handles.push(fds) + 100;
  }

  tryPlaceCredentials(): number | undefined {
    if (this.refusals-- > 0) return undefined;
    return ++this.credentials + 200;
  }

  takeHandles(): never {
    throw new Error('A sender takes nothing');
  }

  takeCredentials(): never {
    throw new Error('A sender takes nothing');
  }
}

const u32 = fc.nat(2 ** 32 - 1);
const anyIdentity: fc.Arbitrary<ClaimedIdentity> = fc.record({
  pid: u32,
  uid: u32,
  gid: u32,
  startTime: fc.maxSafeNat(),
});
const anyParts: fc.Arbitrary<AttributeParts> = fc.record(
  {
    deadlineMs: fc.oneof(fc.constant(Infinity), fc.nat(10 ** 9)),
    work: fc.record(
      {
        trace: fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => {
          return Buffer.byteLength(text) <= TRACE_BYTES_MAX;
        }),
        priority: fc.nat(3),
        baggage: fc.uint8Array({ maxLength: BAGGAGE_BYTES_MAX, size: 'max' }),
      },
      { requiredKeys: [] },
    ),
    onBehalfOf: fc.array(anyIdentity, { maxLength: BEHALF_CHAIN_MAX }),
    ranges: fc.array(
      fc.record({
        bytes: fc.nat(100).map((length) => new Uint8Array(length)),
        access: fc.constantFrom('read', 'write', 'both' as const),
      }),
      { maxLength: RANGES_MAX },
    ),
    handles: fc.array(fc.nat(9), { maxLength: HANDLES_MAX }),
    security: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** What comes out at the other end; exactly as many bytes as were announced are written. */
function sent(attributes: OutgoingAttributes, offset = 0): IncomingAttributes | undefined {
  const end = offset + attributes.lengthBytes;
  const bytes = new Uint8Array(end + 8).fill(0xd7);
  const view = new DataView(bytes.buffer);
  expect(attributes.tryWrite(view, offset, new Companions())).toBe(true);
  expect([...bytes.subarray(0, offset), ...bytes.subarray(end)]).toEqual(
    Array.from({ length: offset + 8 }, () => 0xd7),
  );
  const read = readAttributes(attributes.mask, view, offset, end);
  expect(read?.end).toBe(end);
  return read?.attributes;
}

describe('OutgoingAttributes and readAttributes()', () => {
  it('bring any of them over, and leave out what is not wanted', () => {
    const offsets = fc.nat(4).map((steps) => steps * 8);
    fc.assert(
      fc.property(anyParts, fc.nat(ATTRIBUTES_KNOWN), offsets, (parts, wanted, offset) => {
        const { work, ranges = [], onBehalfOf = [], handles = [], deadlineMs = Infinity } = parts;
        const has: readonly (readonly [number, boolean])[] = [
          [ATTRIBUTE.SECURITY, parts.security === true],
          [ATTRIBUTE.HANDLE, handles.length > 0],
          [ATTRIBUTE.DIRECT, ranges.length > 0],
          [ATTRIBUTE.WORK_ON_BEHALF, work !== undefined],
          [ATTRIBUTE.ON_BEHALF_OF, onBehalfOf.length > 0],
          [ATTRIBUTE.DEADLINE, deadlineMs !== Infinity],
        ];
        const mask = has.reduce((sum, [bit, isThere]) => sum | (isThere ? bit & wanted : 0), 0);
        const attributes = OutgoingAttributes.of(parts, wanted);
        expect(attributes?.mask ?? 0).toBe(mask);
        if (attributes === undefined) return;
        expect(attributes.lengthBytes % 8).toBe(0);
        expect(attributes.lengthBytes).toBeLessThanOrEqual(ATTRIBUTE_BYTES_MAX);
        const got = sent(attributes, offset);
        const only = <T>(bit: number, value: T): T | undefined => (mask & bit ? value : undefined);
        expect({ ...got, remainingMs: undefined }).toEqual({
          credentialsId: only(ATTRIBUTE.SECURITY, 201),
          batchId: only(ATTRIBUTE.HANDLE, 101),
          handleCount: only(ATTRIBUTE.HANDLE, handles.length) ?? 0,
          ranges: only(
            ATTRIBUTE.DIRECT,
            ranges.map(({ bytes, access }) => ({
              lengthBytes: bytes.length,
              isReadable: access !== 'write',
              isWritable: access !== 'read',
            })),
          ),
          work: only(ATTRIBUTE.WORK_ON_BEHALF, {
            trace: work?.trace ?? '',
            priority: work?.priority ?? 1,
            baggage: work?.baggage ?? new Uint8Array(0),
          }),
          onBehalfOf: only(ATTRIBUTE.ON_BEHALF_OF, onBehalfOf),
          remainingMs: undefined,
        });
        expect(got?.remainingMs !== undefined).toBe((mask & ATTRIBUTE.DEADLINE) !== 0);
      }),
      { numRuns: 300 },
    );
  });

  it('bring the longest possible set over', () => {
    const identity = { pid: 1, uid: 2, gid: 3, startTime: 4 };
    const attributes = OutgoingAttributes.of(
      {
        deadlineMs: 5,
        work: {
          trace: 'é'.repeat(TRACE_BYTES_MAX / 2),
          baggage: new Uint8Array(BAGGAGE_BYTES_MAX),
        },
        onBehalfOf: Array.from({ length: BEHALF_CHAIN_MAX }, () => identity),
        ranges: Array.from({ length: RANGES_MAX }, () => ({ bytes: new Uint8Array(1) })),
        handles: [0, 1, 2, 3],
        security: true,
      },
      ATTRIBUTES_KNOWN,
    );
    expect(attributes?.mask).toBe(ATTRIBUTES_KNOWN);
    expect(sent(attributes!)?.work?.trace).toBe('é'.repeat(TRACE_BYTES_MAX / 2));
  });

  it('bring ranges over that are read by default', () => {
    const attributes = OutgoingAttributes.of({ ranges: [{ bytes: new Uint8Array(7) }] }, 4);
    const range = { lengthBytes: 7, isReadable: true, isWritable: false };
    expect(sent(attributes!)?.ranges).toEqual([range]);
  });
});

describe('OutgoingAttributes.of()', () => {
  it('gives nothing when nothing is left', () => {
    expect(OutgoingAttributes.of({}, ATTRIBUTES_KNOWN)).toBeUndefined();
    const empty = { handles: [], ranges: [], onBehalfOf: [], security: false };
    expect(OutgoingAttributes.of({ ...empty, deadlineMs: Infinity }, 63)).toBeUndefined();
    expect(OutgoingAttributes.of({ security: true, work: {} }, 0)).toBeUndefined();
  });

  const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);
  it.each<readonly [string, AttributeParts]>([
    ['5 handles', { handles: [0, 1, 2, 3, 4] }],
    ['9 ranges', { ranges: many(9, { bytes: new Uint8Array(1) }) }],
    ['9 identities', { onBehalfOf: many(9, { pid: 1, uid: 1, gid: 1, startTime: 1 }) }],
    ['257 bytes of trace', { work: { trace: 'x'.repeat(257) } }],
    ['a trace of 258 bytes in 129 characters', { work: { trace: 'é'.repeat(129) } }],
    ['1 025 bytes of baggage', { work: { baggage: new Uint8Array(1025) } }],
    ['priority 4', { work: { priority: 4 } }],
    ['priority −1', { work: { priority: -1 } }],
    ['priority 1.5', { work: { priority: 1.5 } }],
    ['priority NaN', { work: { priority: NaN } }],
  ])('throws RangeError for %s, wanted or not', (_, parts) => {
    expect(() => OutgoingAttributes.of(parts, ATTRIBUTES_KNOWN)).toThrow(RangeError);
    expect(() => OutgoingAttributes.of(parts, 0)).toThrow(RangeError);
  });
});

describe('tryWrite()', () => {
  function written(deadlineMs: number): number | undefined {
    const attributes = OutgoingAttributes.of({ deadlineMs }, ATTRIBUTE.DEADLINE);
    return sent(attributes!)?.remainingMs;
  }

  it('writes what remains of the deadline then, never 0', () => {
    const now = performance.now();
    expect(written(now + 60_000)).toBeGreaterThan(50_000);
    expect(written(now + 60_000)).toBeLessThanOrEqual(60_000);
    expect(written(now - 5000)).toBe(1);
    expect(written(now + 2 ** 40)).toBe(2 ** 32 - 1);
  });

  it('says no while there is no room beside, and places everything once', () => {
    const attributes = OutgoingAttributes.of({ handles: [1], security: true }, ATTRIBUTES_KNOWN)!;
    const companions = new Companions();
    const view = new DataView(new ArrayBuffer(16));
    companions.refusals = 1;
    expect(attributes.tryWrite(view, 0, companions)).toBe(false);
    expect(companions.handles).toHaveLength(0);
    companions.refusals = 0;
    expect(attributes.tryWrite(view, 0, companions)).toBe(true);
    expect(attributes.tryWrite(view, 0, companions)).toBe(true);
    expect([companions.handles, companions.credentials]).toEqual([[[1]], 1]);
    expect(readAttributes(attributes.mask, view, 0, 16)?.attributes).toMatchObject({
      credentialsId: 201,
      batchId: 101,
      handleCount: 1,
    });
  });

  it('does not place handles again when the credentials found no room', () => {
    const attributes = OutgoingAttributes.of({ handles: [7], security: true }, ATTRIBUTES_KNOWN)!;
    const companions = new Companions();
    const view = new DataView(new ArrayBuffer(16));
    const placeCredentials = companions.tryPlaceCredentials.bind(companions);
    companions.tryPlaceCredentials = () => undefined;
    expect(attributes.tryWrite(view, 0, companions)).toBe(false);
    companions.tryPlaceCredentials = placeCredentials;
    expect(attributes.tryWrite(view, 0, companions)).toBe(true);
    expect(companions.handles).toEqual([[7]]);
  });

  it('says no where nothing can be placed', () => {
    const attributes = OutgoingAttributes.of({ security: true }, ATTRIBUTE.SECURITY)!;
    expect(attributes.tryWrite(new DataView(new ArrayBuffer(8)), 0, undefined)).toBe(false);
  });
});

describe('align8()', () => {
  it.each([
    [0, 0],
    [1, 8],
    [8, 8],
    [1279, 1280],
  ])('of %i is %i', (bytes, aligned) => expect(align8(bytes)).toBe(aligned));
});
