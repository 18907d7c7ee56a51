/*
 * Threat: metadata bytes are the peer's: only PortError INVALID_MESSAGE may come out.
 */
import { isPortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { METADATA_BYTES_MAX, Metadata, decodeMetadata, encodeMetadata } from './metadata.js';

const key = fc.string({ unit: fc.constantFrom(...'abcxyz019_.-'), minLength: 1, maxLength: 20 });
const anyMetadata = fc
  .array(
    fc.tuple(key, fc.string({ unit: 'grapheme', maxLength: 20 }), fc.uint8Array({ maxLength: 20 })),
    {
      maxLength: 12,
    },
  )
  .map((entries) => {
    const metadata = new Metadata();
    for (const [name, text, bytes] of entries) {
      metadata.append(name, name.endsWith('-bin') ? bytes : text);
      metadata.append(`${name.slice(0, 10)}-bin`, bytes);
    }
    return metadata;
  });

function entriesOf(metadata: Metadata): unknown[] {
  return [...metadata].map(([name, values]) => [
    name,
    values.map((value) => (typeof value === 'string' ? value : [...value])),
  ]);
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}

describe('Metadata', () => {
  it('keeps several values a key, in any case', () => {
    const metadata = new Metadata({ Trace: ['a', 'b'] }).append('TRACE', 'c');
    expect(metadata.getAll('trace')).toEqual(['a', 'b', 'c']);
    expect(metadata.get('tRace')).toBe('a');
    expect(metadata.has('TRACE')).toBe(true);
    metadata.delete('Trace');
    expect(metadata.isEmpty).toBe(true);
    expect(metadata.get('trace')).toBeUndefined();
  });

  it('takes bytes under -bin keys only, and text under the others only', () => {
    expect(() => new Metadata({ 'x-bin': 'text' })).toThrow(TypeError);
    expect(() => new Metadata({ x: new Uint8Array(1) })).toThrow(TypeError);
    expect(new Metadata({ 'x-bin': Uint8Array.of(1) }).get('x-bin')).toEqual(Uint8Array.of(1));
  });

  it.each(['', 'a b', 'ä', 'a:b', 'x'.repeat(256), 'a\n', '\0'])('refuses the key %j', (name) => {
    expect(() => new Metadata().set(name, 'x')).toThrow(TypeError);
  });

  it('removes a key that is set to no values', () => {
    expect(new Metadata({ a: 'x' }).set('a', []).has('a')).toBe(false);
  });

  it('gives copies of its lists', () => {
    const metadata = new Metadata({ a: 'x' });
    metadata.getAll('a').push('y');
    for (const [, values] of metadata) values.push('z');
    expect(metadata.getAll('a')).toEqual(['x']);
  });

  it.each(['constructor', '__proto__', 'tostring'])(
    'has nothing under %s until it is set',
    (name) => {
      const metadata = new Metadata();
      expect(metadata.has(name)).toBe(false);
      expect(metadata.get(name)).toBeUndefined();
      expect(metadata.set(name, 'x').get(name)).toBe('x');
    },
  );
});

describe('encodeMetadata() and decodeMetadata()', () => {
  it('bring header and trailer over', () => {
    fc.assert(
      fc.property(anyMetadata, anyMetadata, (header, trailer) => {
        const bytes = encodeMetadata(header, trailer);
        expect(bytes.length % 8).toBe(0);
        const decoded = decodeMetadata(bytes);
        expect(entriesOf(decoded.header)).toEqual(entriesOf(header));
        expect(entriesOf(decoded.trailer)).toEqual(entriesOf(trailer));
      }),
    );
  });

  it('make nothing of nothing', () => {
    expect(encodeMetadata(undefined)).toHaveLength(0);
    expect(encodeMetadata(new Metadata(), new Metadata())).toHaveLength(0);
    expect(decodeMetadata(new Uint8Array(0)).header.isEmpty).toBe(true);
  });

  it('hold exactly as much as the limits say', () => {
    const full = new Metadata({ k: 'x'.repeat(METADATA_BYTES_MAX - 5) });
    const bytes = encodeMetadata(full);
    expect(bytes).toHaveLength(METADATA_BYTES_MAX);
    expect(entriesOf(decodeMetadata(bytes).header)).toEqual(entriesOf(full));
    const over = new Metadata({ k: 'x'.repeat(METADATA_BYTES_MAX - 4) });
    expect(codeOf(() => encodeMetadata(over))).toBe('MESSAGE_TOO_LONG');
    const huge = new Metadata({ k: 'x'.repeat(100_000) });
    expect(codeOf(() => encodeMetadata(huge))).toBe('MESSAGE_TOO_LONG');
  });

  it('hold 64 values and no more', () => {
    const values = Array.from({ length: 64 }, () => 'v');
    const decoded = decodeMetadata(encodeMetadata(new Metadata({ k: values })));
    expect(decoded.header.getAll('k')).toHaveLength(64);
    const over = new Metadata({ k: [...values, 'v'] });
    expect(codeOf(() => encodeMetadata(over))).toBe('MESSAGE_TOO_LONG');
  });

  it('copy: values do not change with the message', () => {
    const bytes = encodeMetadata(new Metadata({ 'k-bin': Uint8Array.of(1, 2) }));
    const { header } = decodeMetadata(bytes);
    bytes.fill(0);
    expect(header.get('k-bin')).toEqual(Uint8Array.of(1, 2));
  });
});

describe('metadata of a hostile peer', () => {
  it.each([
    ['a value that ends outside', [0, 1, 255, 255, 0x61, 0, 0, 0]],
    ['a key that ends outside', [0, 255, 0, 0, 0x61, 0, 0, 0]],
    ['a key with a space', [0, 1, 0, 0, 0x20, 0, 0, 0]],
    ['a key of bytes over 127', [0, 1, 0, 0, 0xe9, 0, 0, 0]],
    ['more bytes than the limit', Array.from({ length: METADATA_BYTES_MAX + 8 }, () => 0)],
    ['more values than the limit', Array.from({ length: 65 }, () => [0, 1, 0, 0, 0x61]).flat()],
  ])('%s: throws INVALID_MESSAGE', (_, bytes) => {
    expect(codeOf(() => decodeMetadata(Uint8Array.from(bytes)))).toBe('INVALID_MESSAGE');
  });

  it('any bytes bring out nothing but INVALID_MESSAGE', () => {
    const almost = fc
      .array(fc.tuple(fc.nat(3), key, fc.uint8Array({ maxLength: 12 }), fc.nat(20)), {
        maxLength: 8,
      })
      .map((entries) =>
        Buffer.concat(
          entries.map(([flags, name, value, lie]) =>
            Buffer.concat([
              Buffer.of(
                flags,
                name.length + (lie === 1 ? 1 : 0),
                value.length + (lie === 2 ? 1 : 0),
                0,
              ),
              Buffer.from(name),
              value,
            ]),
          ),
        ),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), almost), (bytes) => {
        expect(['nothing thrown', 'INVALID_MESSAGE']).toContain(
          codeOf(() => decodeMetadata(bytes)),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
