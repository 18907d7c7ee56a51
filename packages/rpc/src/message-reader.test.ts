/*
 * Threat: the bytes are the peer's. A reader is used over a buffer that holds other messages too,
 * so reading past the end of its own would show them; and it must never loop.
 */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  anySteps,
  dataOf,
  readAll,
  write,
  type ScalarMethod,
} from '../test/support/writer-steps.js';
import { MessageReader } from './message-reader.js';

function begun(data: Uint8Array, isPrivate = false, around = 0x01): MessageReader {
  const reader = new MessageReader();
  reader.begin(dataOf(data, isPrivate, around), 0);
  return reader;
}

/** What strict decoding says, and what a reader says at its end. */
const NOT_UTF8 = /not valid for encoding utf-8/;
const CUT_OFF = /premature EOF|outside the message|invalid varint|[Oo]ffset/;

/** A length-delimited value. */
function delimited(bytes: readonly number[]): Uint8Array {
  return new BinaryWriter().bytes(Uint8Array.from(bytes)).finish();
}

describe('MessageReader', () => {
  it('reads what the stock reader reads', () => {
    const reader = new MessageReader();
    fc.assert(
      fc.property(anySteps, fc.boolean(), (steps, isPrivate) => {
        const writer = new BinaryWriter();
        write(writer, steps);
        const bytes = writer.finish();
        reader.begin(dataOf(bytes, isPrivate), 0);
        const seen = readAll(reader, steps);
        expect(seen).toEqual(readAll(new BinaryReader(bytes), steps));
        expect(reader.pos).toBe(reader.len);
        reader.end();
      }),
      { numRuns: 500 },
    );
  });

  it('begins behind what is skipped', () => {
    const reader = new MessageReader();
    reader.begin(dataOf(Uint8Array.of(1, 2, 3, 4)), 2);
    expect(reader.uint32()).toBe(3);
    expect(reader.len - reader.pos).toBe(1);
  });

  it('is used again over the same and over other buffers', () => {
    const reader = new MessageReader();
    const first = dataOf(delimited([97, 98]));
    const second = dataOf(delimited([99]));
    for (const [data, text] of [
      [first, 'ab'],
      [first, 'ab'],
      [second, 'c'],
      [first, 'ab'],
    ] as const) {
      reader.begin(data, 0);
      expect(reader.string()).toBe(text);
    }
  });

  it('keeps no private memory after end()', () => {
    const reader = begun(delimited([1, 2]), true);
    reader.end();
    expect((reader as unknown as { buf: Uint8Array }).buf).toHaveLength(0);
    reader.begin(dataOf(delimited([120])), 0);
    expect(reader.string()).toBe('x');
  });
});

describe('bytes()', () => {
  it('copies out of borrowed memory', () => {
    const data = dataOf(delimited([1, 2, 3]));
    const reader = new MessageReader();
    reader.begin(data, 0);
    const value = reader.bytes();
    data.bytes.fill(9);
    expect([...value]).toEqual([1, 2, 3]);
  });

  it('copies out of a Buffer, whose slice() would not', () => {
    const { bytes, offset, lengthBytes } = dataOf(delimited([1, 2, 3]));
    const buffer = Buffer.from(bytes);
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    const reader = new MessageReader();
    reader.begin({ bytes: buffer, view, offset, lengthBytes, isPrivate: false }, 0);
    const value = reader.bytes();
    buffer.fill(9);
    expect([...value]).toEqual([1, 2, 3]);
  });

  it.each([0, 1, 63, 64, 65, 4096])('copies %i bytes into a plain array of its own', (length) => {
    const value = Uint8Array.from({ length }, (_, at) => (at * 7 + 1) & 0xff);
    const data = dataOf(Buffer.from(new BinaryWriter().bytes(value).finish()), false, 0x01);
    const reader = new MessageReader();
    reader.begin(data, 0);
    const read = reader.bytes();
    data.bytes.fill(0xee);
    expect(read).toEqual(value);
    expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
    expect(read.buffer.byteLength).toBe(length);
  });

  it('refers to private memory', () => {
    const data = dataOf(delimited([1, 2, 3]), true);
    const reader = new MessageReader();
    reader.begin(data, 0);
    expect(reader.bytes().buffer).toBe(data.bytes.buffer);
  });
});

describe('string()', () => {
  it.each([
    ['a lone continuation byte', [0x80]],
    ['a cut sequence', [0x61, 0xe2, 0x82]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong NUL', [0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point over U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['byte 0xff', [0xff]],
  ])('refuses %s, short and long', (_, bad) => {
    expect(() => begun(delimited(bad)).string()).toThrow(NOT_UTF8);
    const long = [...Array.from({ length: 100 }, () => 0x61), ...bad, 0x62];
    expect(() => begun(delimited(long)).string()).toThrow(NOT_UTF8);
  });

  it.each(['\ufffd', 'a\ufffdb'.repeat(20), '\ufeffx', `\ufeff${'y'.repeat(30)}`, '\0', '😀'])(
    'takes %j, which is valid',
    (text) => {
      expect(begun(new BinaryWriter().string(text).finish()).string()).toBe(text);
    },
  );

  it('throws for a length that reaches outside the message', () => {
    for (const length of [5, 100, 2 ** 31, 2 ** 32 - 1]) {
      const bytes = Buffer.concat([
        new BinaryWriter().uint32(length).finish(),
        Buffer.from('abcd'),
      ]);
      expect(() => begun(bytes).string()).toThrow(RangeError);
      expect(() => begun(bytes).bytes()).toThrow(RangeError);
    }
  });
});

const WIDTHS = [
  ['fixed32', 4],
  ['sfixed32', 4],
  ['float', 4],
  ['fixed64', 8],
  ['sfixed64', 8],
  ['double', 8],
  ['bool', 1],
  ['uint32', 5],
  ['int32', 5],
  ['sint32', 5],
  ['int64', 10],
  ['uint64', 10],
  ['sint64', 10],
] as const satisfies readonly (readonly [ScalarMethod, number])[];

describe('a value that ends outside the message', () => {
  it.each(WIDTHS)('%s throws instead of reading what lies behind', (method, width) => {
    for (let length = 0; length < width; length++) {
      // Varints: every byte says that more follow; and what lies behind would end them well.
      const cut = new Uint8Array(length).fill(0x81);
      expect(() => begun(cut)[method](), `${length} of ${width} bytes`).toThrow(CUT_OFF);
    }
  });

  it.each(WIDTHS)('%s reads at the very end of the message', (method, width) => {
    const bytes = new Uint8Array(width).fill(0x81);
    bytes[width - 1] = 0x01;
    const reader = begun(bytes);
    reader[method]();
    expect(reader.pos).toBe(reader.len);
  });
});

/** Decodes as generated code does: fields of all kinds, unknown ones skipped. */
function decodeLoop(reader: MessageReader, end: number, depth = 0): number {
  let fields = 0;
  while (reader.pos < end) {
    fields++;
    const tag = reader.uint32();
    const field = tag >>> 3;
    if (field === 1 && (tag & 7) === 0) reader.int64();
    else if (field === 2 && (tag & 7) === 2) reader.string();
    else if (field === 3 && (tag & 7) === 2) reader.bytes();
    else if (field === 4 && (tag & 7) === 5) reader.fixed32();
    else if (field === 5 && (tag & 7) === 1) reader.double();
    else if (field === 6 && (tag & 7) === 2) {
      const length = reader.uint32();
      if (depth < 50) fields += decodeLoop(reader, reader.pos + length, depth + 1);
    } else if (field === 7 && (tag & 7) === 0) reader.bool();
    else if ((tag & 7) === 4 || tag === 0) break;
    else reader.skip(tag & 7, field);
  }
  return fields;
}

function sampleMessage(): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, 0).int64(-1n).tag(2, 2).string('héllo wörld').tag(3, 2).bytes(new Uint8Array(20));
  writer.tag(6, 2).fork().tag(4, 5).fixed32(7).tag(5, 1).double(1.5).tag(7, 0).bool(true).join();
  writer.tag(9, 2).string('unknown').tag(10, 1).fixed64(5n).tag(11, 5).fixed32(5);
  return writer.tag(4, 5).fixed32(9).tag(5, 1).double(2.5).tag(7, 0).bool(true).finish();
}

describe('a message that is cut off', () => {
  it('is refused or ends where it ends, at every length', () => {
    const bytes = sampleMessage();
    for (let length = 0; length <= bytes.length; length++) {
      const reader = begun(bytes.subarray(0, length), false, 0x08);
      try {
        decodeLoop(reader, reader.len);
      } catch {
        continue;
      }
      expect(reader.pos, `cut to ${length} bytes`).toBe(reader.len);
    }
  });
});

describe('any bytes', () => {
  it('are refused or read to their end, without a loop', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80, size: 'max' }), (bytes) => {
        const reader = begun(bytes);
        try {
          const fields = decodeLoop(reader, reader.len);
          if (fields > bytes.length)
            throw new Error(`made ${fields} fields of ${bytes.length} bytes`);
          if (reader.pos > reader.len) throw new Error('outside');
        } catch (error) {
          if (error instanceof Error && error.message === 'outside') throw error;
        }
      }),
      { numRuns: 3000 },
    );
  });
});
