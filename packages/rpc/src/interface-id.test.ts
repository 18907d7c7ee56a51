import { BIND_ITEMS_MAX, BIND_ITEM_BYTES, isPortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decodeBindItems,
  decodeBindResults,
  encodeBindItems,
  encodeBindResults,
  interfaceIdOf,
} from './interface-id.js';
import type { ServiceOptions } from './service-definition.js';

const hex32 = fc.string({
  unit: fc.constantFrom(...'0123456789abcdef'),
  minLength: 32,
  maxLength: 32,
});
const u16 = fc.nat(65_535);
const item = fc.record({ uuid: hex32, major: u16, minor: u16, fingerprint: hex32 });
const result = fc.record({ status: u16, index: u16, minor: u16, fingerprintDiffers: fc.boolean() });

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}

function service(fields: Partial<ServiceOptions>): ServiceOptions {
  return {
    name: 'S',
    fullName: 'a.S',
    uuid: '0D9C5F3A-1111-4222-8333-444455556666',
    version: { major: 1, minor: 2 },
    fingerprint: 'ab'.repeat(16),
    methods: {},
    ...fields,
  };
}

describe('interfaceIdOf()', () => {
  it('takes the dashes and the case out of the UUID', () => {
    expect(interfaceIdOf(service({}))).toEqual({
      uuid: '0d9c5f3a111142228333444455556666',
      major: 1,
      minor: 2,
      fingerprint: 'ab'.repeat(16),
    });
  });

  it.each([
    { uuid: '' },
    { uuid: '0d9c5f3a-1111-4222-8333-44445555666' },
    { uuid: 'xd9c5f3a-1111-4222-8333-444455556666' },
    { fingerprint: '' },
    { fingerprint: 'AB'.repeat(16) },
    { fingerprint: 'ab'.repeat(17) },
  ])('throws TypeError for %o', (fields) => {
    expect(() => interfaceIdOf(service(fields))).toThrow(TypeError);
  });
});

describe('bind items', () => {
  it('come over as they were', () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 20 }), (items) => {
        const bytes = encodeBindItems(items);
        expect(bytes).toHaveLength(items.length * BIND_ITEM_BYTES);
        expect(decodeBindItems(bytes)).toEqual(items);
      }),
    );
  });

  it('come over at most 256 at once', () => {
    const one = { uuid: '0'.repeat(32), major: 0, minor: 0, fingerprint: '0'.repeat(32) };
    const most = Array.from({ length: BIND_ITEMS_MAX }, () => one);
    expect(decodeBindItems(encodeBindItems(most))).toHaveLength(BIND_ITEMS_MAX);
    expect(codeOf(() => decodeBindItems(encodeBindItems([...most, one])))).toBe('INVALID_MESSAGE');
  });

  it.each([0, 1, 39, 41, 79])('of %i bytes throw INVALID_MESSAGE', (length) => {
    expect(codeOf(() => decodeBindItems(new Uint8Array(length)))).toBe('INVALID_MESSAGE');
  });
});

describe('bind results', () => {
  it('come over as they were', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 20 }), (results) => {
        expect(decodeBindResults(encodeBindResults(results), results.length)).toEqual(results);
      }),
    );
  });

  it.each([
    [0, 1],
    [8, 0],
    [8, 2],
    [9, 1],
  ])('of %i bytes for %i items throw PROTOCOL_ERROR', (length, count) => {
    expect(codeOf(() => decodeBindResults(new Uint8Array(length), count))).toBe('PROTOCOL_ERROR');
  });
});
