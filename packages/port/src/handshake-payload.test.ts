/*
 * Threat: payloads are the peer's bytes: only PROTOCOL_ERROR may come out.
 */
import {
  ATTRIBUTE_WORDS,
  DEFAULT_PORT_ATTRIBUTES,
  NUMERIC_ATTRIBUTES,
  STATUS,
  type StatusCode,
} from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import {
  decodeConnectPayload,
  decodeRejectPayload,
  encodeConnectPayload,
  encodeRejectPayload,
  type ConnectPayload,
} from './handshake-payload.js';

const GOOD: ConnectPayload = {
  attributes: DEFAULT_PORT_ATTRIBUTES,
  wanted: 5,
  isDynamic: true,
  effectiveOnly: false,
  info: Uint8Array.of(1, 2, 3),
};
const COUNT = ATTRIBUTE_WORDS;

/**
 * Index of `wanted` as a u32; behind it are tracking, effectiveOnly and 0, then the info's length.
 */
const WANTED = 1 + COUNT;
const INFO_LENGTH = WANTED + 2;

/** A good payload with one u32 changed. */
function bent(index: number, value: number): Uint8Array {
  const bytes = encodeConnectPayload(GOOD);
  new DataView(bytes.buffer).setUint32(4 * index, value, true);
  return bytes;
}

describe('encodeConnectPayload() and decodeConnectPayload()', () => {
  it('bring everything over', () => {
    const value = fc.integer({ min: 1, max: 2 ** 31 - 1 });
    const lengths = { minLength: NUMERIC_ATTRIBUTES.length, maxLength: NUMERIC_ATTRIBUTES.length };
    const others = fc.record({
      wanted: fc.nat(63),
      isDynamic: fc.boolean(),
      effectiveOnly: fc.boolean(),
      info: fc.uint8Array(),
    });
    fc.assert(
      fc.property(fc.array(value, lengths), others, (values, rest) => {
        const entries = NUMERIC_ATTRIBUTES.map((name, index) => [name, values[index]]);
        const attributes: typeof DEFAULT_PORT_ATTRIBUTES = {
          ...DEFAULT_PORT_ATTRIBUTES,
          ...Object.fromEntries(entries),
        };
        const payload = { attributes, ...rest };
        expect(decodeConnectPayload(encodeConnectPayload(payload))).toEqual(payload);
      }),
    );
  });

  it('ignore attribute bits of a later version', () => {
    expect(decodeConnectPayload(bent(WANTED, 2 ** 32 - 1)).wanted).toBe(63);
    expect(decodeConnectPayload(bent(WANTED, 64)).wanted).toBe(0);
  });

  it('skip attributes of a later version', () => {
    const good = encodeConnectPayload(GOOD);
    const bytes = new Uint8Array(good.length + 8);
    bytes.set(good.subarray(0, 4 + 4 * COUNT));
    new DataView(bytes.buffer).setUint32(0, COUNT + 2, true);
    bytes.set(good.subarray(4 + 4 * COUNT), 4 + 4 * (COUNT + 2));
    expect(decodeConnectPayload(bytes)).toEqual(GOOD);
  });

  it('copy: the info does not change with the payload', () => {
    const bytes = encodeConnectPayload(GOOD);
    const { info } = decodeConnectPayload(bytes);
    bytes.fill(0);
    expect([...info]).toEqual([1, 2, 3]);
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['three bytes', new Uint8Array(3)],
    ['fewer attributes', bent(0, COUNT - 1)],
    ['more attributes than there is room for', bent(0, COUNT + 1)],
    ['257 attributes', bent(0, 257)],
    ['2^32 − 1 attributes', bent(0, 2 ** 32 - 1)],
    ['an attribute of 0', bent(1, 0)],
    ['an attribute over 2^31 − 1', bent(3, 2 ** 31)],
    ['a tracking of 2', bent(WANTED + 1, 2)],
    ['an effectiveOnly of 2', bent(WANTED + 1, 0x200)],
    ['a reserved byte that is not 0', bent(WANTED + 1, 0x10000)],
    ['a reserved byte that is not 0 either', bent(WANTED + 1, 0x1000000)],
    ['a handle type that there is not', bent(1 + 13, 32)],
    ['a level that there is not', bent(1 + 14, 3)],
    ['a bandwidth of 0', bent(1 + 15, 0)],
    ['an info that is longer', bent(INFO_LENGTH, 4)],
    ['an info that is shorter', bent(INFO_LENGTH, 2)],
    ['an info of 4 GiB', bent(INFO_LENGTH, 2 ** 32 - 1)],
    ['a byte missing', encodeConnectPayload(GOOD).subarray(0, -1)],
  ])('throw PROTOCOL_ERROR for %s', (_, bytes) => {
    expect(codeOf(() => decodeConnectPayload(bytes))).toBe('PROTOCOL_ERROR');
  });
});

describe('encodeRejectPayload() and decodeRejectPayload()', () => {
  it.each(Object.keys(STATUS) as StatusCode[])('bring %s over', (status) => {
    const payload = { status, info: Uint8Array.of(9) };
    expect(decodeRejectPayload(encodeRejectPayload(payload))).toEqual(payload);
  });

  it('take a status of a later version for a refusal', () => {
    const bytes = encodeRejectPayload({ status: 'TIMEOUT', info: new Uint8Array(0) });
    bytes[0] = 200;
    expect(decodeRejectPayload(bytes).status).toBe('CONNECTION_REFUSED');
    expect(decodeRejectPayload(new Uint8Array(0)).status).toBe('CONNECTION_REFUSED');
  });

  it.each([1, 7])('throw PROTOCOL_ERROR for %i bytes', (length) => {
    expect(codeOf(() => decodeRejectPayload(new Uint8Array(length)))).toBe('PROTOCOL_ERROR');
  });
});

describe('any bytes', () => {
  it('bring out nothing but PROTOCOL_ERROR', () => {
    const almost = fc.tuple(fc.nat(INFO_LENGTH), fc.nat(2 ** 32 - 1)).map((args) => bent(...args));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 120, size: 'max' }), almost), (bytes) => {
        for (const decode of [decodeConnectPayload, decodeRejectPayload]) {
          expect(['nothing thrown', 'PROTOCOL_ERROR']).toContain(codeOf(() => decode(bytes)));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
