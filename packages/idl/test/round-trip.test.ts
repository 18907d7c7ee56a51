import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createFileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { Modern } from '../golden/editions/out/modern.js';
import { MapMessage } from '../golden/names/out/acme/work.js';
import { Scalars, Shapes, Shapes_Kind } from '../golden/oneofs-maps/out/shapes.js';
import { Legacy } from '../golden/proto2/out/legacy.js';
import { Everything } from '../golden/well-known/out/wkt.js';
import { GOLDEN } from './golden.js';

/** Codec of a generated message, as far as it is needed here. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/**
 * Bytes of a message by an independent implementation: reflection over `descriptors.bin`. They
 * agree only if both the descriptors and the generated code are right.
 */
function reflect(feature: string, typeName: string, json: JsonValue): Uint8Array {
  const bytes = readFileSync(join(GOLDEN, feature, 'out/descriptors.bin'));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  const schema = registry.getMessage(typeName);
  if (schema === undefined) throw new Error(`Cannot find message ${typeName}`);
  return toBinary(schema, fromJson(schema, json, { registry }));
}

/** Bytes in hexadecimal, as a test shows them. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What a message becomes by being written and read. */
function roundTrip<T>(codec: Codec<T>, message: T): { bytes: string; back: T } {
  const bytes = codec.encode(message).finish();
  return { bytes: hex(bytes), back: codec.decode(bytes) };
}

describe('generated messages', () => {
  it('have the bytes of the descriptors for every scalar type', () => {
    const message = Scalars.fromPartial({
      fDouble: -1.5,
      fFloat: 0.25,
      fInt32: -1,
      fInt64: -(2n ** 63n),
      fUint32: 2 ** 32 - 1,
      fUint64: 2n ** 64n - 1n,
      fSint32: -(2 ** 31),
      fSint64: -(2n ** 53n) - 1n,
      fFixed32: 7,
      fFixed64: 2n ** 60n,
      fSfixed32: -7,
      fSfixed64: -8n,
      fBool: true,
      fString: 'é😀',
      fBytes: new Uint8Array([0, 255]),
    });
    const expected = reflect('oneofs-maps', 'acme.Scalars', {
      fDouble: -1.5,
      fFloat: 0.25,
      fInt32: -1,
      fInt64: '-9223372036854775808',
      fUint32: 4294967295,
      fUint64: '18446744073709551615',
      fSint32: -2147483648,
      fSint64: '-9007199254740993',
      fFixed32: 7,
      fFixed64: '1152921504606846976',
      fSfixed32: -7,
      fSfixed64: '-8',
      fBool: true,
      fString: 'é😀',
      fBytes: 'AP8=',
    });
    expect(roundTrip(Scalars, message)).toEqual({ bytes: hex(expected), back: message });
  });

  it('have the bytes of the descriptors for oneofs, maps and repeated fields', () => {
    const message = Shapes.fromPartial({
      shape: { $case: 'kind', value: Shapes_Kind.KIND_UNSPECIFIED },
      note: '',
      optionalKind: Shapes_Kind.KIND_UNSPECIFIED,
      many: [Shapes_Kind.KIND_ROUND, Shapes_Kind.KIND_UNSPECIFIED],
      numbers: [-1n, 1n],
      words: ['a', ''],
    });
    message.boxes.set('a', { width: 1, area: 2n });
    message.names.set(-5n, 'five');
    message.kinds.set(true, Shapes_Kind.KIND_ROUND);
    const expected = reflect('oneofs-maps', 'acme.Shapes', {
      kind: 'KIND_UNSPECIFIED',
      boxes: { a: { width: 1, area: '2' } },
      names: { '-5': 'five' },
      kinds: { true: 'KIND_ROUND' },
      note: '',
      optionalKind: 'KIND_UNSPECIFIED',
      many: ['KIND_ROUND', 'KIND_UNSPECIFIED'],
      numbers: ['-1', '1'],
      words: ['a', ''],
    });
    const bytes = Shapes.encode(message).finish();
    expect(Shapes.decode(bytes)).toEqual(message);
    expect(Shapes.decode(expected)).toEqual(message);
    expect(bytes.length).toBe(expected.length);
  });

  it('keep the presence of proto2 fields that are 0, and do not pack them', () => {
    const message = Legacy.fromPartial({ text: '', zero: 0, loose: [1, 2], packed: [3, 4] });
    const expected = reflect('proto2', 'acme.legacy.Legacy', {
      text: '',
      zero: 0,
      loose: [1, 2],
      packed: [3, 4],
    });
    expect(roundTrip(Legacy, message)).toEqual({ bytes: hex(expected), back: message });
  });

  it('follow the features of an edition', () => {
    const partial = {
      explicit: 0,
      required: '',
      expanded: [1, 2],
      packed: [1, 2],
      state: 1 as const,
    };
    const message = Modern.fromPartial(partial);
    message.delimited = Modern.fromPartial({ explicit: 5 });
    const expected = reflect('editions', 'acme.modern.Modern', {
      explicit: 0,
      required: '',
      expanded: [1, 2],
      packed: [1, 2],
      delimited: { explicit: 5, required: '' },
      state: 'STATE_ON',
    });
    message.delimited.required = '';
    expect(roundTrip(Modern, message)).toEqual({ bytes: hex(expected), back: message });
  });

  it('have the bytes of the descriptors for well-known types', () => {
    const message = Everything.fromPartial({
      duration: { seconds: 1n, nanos: 5 },
      empty: {},
      fieldMask: ['fooBar', 'b'],
      struct: { a: [1, 'x', null, { b: true }] },
      timestamp: new Date(1_500),
      int64: 0n,
      bytes: new Uint8Array([1]),
      times: [new Date(0)],
    });
    const expected = reflect('well-known', 'acme.Everything', {
      duration: '1.000000005s',
      empty: {},
      struct: { a: [1, 'x', null, { b: true }] },
      timestamp: '1970-01-01T00:00:01.500Z',
      int64: '0',
      bytes: 'AQ==',
      times: ['1970-01-01T00:00:00Z'],
    });
    const bytes = Everything.encode({ ...message, fieldMask: undefined }).finish();
    expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
    expect(Everything.decode(Everything.encode(message).finish())).toEqual(message);
  });

  it('work for messages whose names had to be changed', () => {
    const message = MapMessage.fromPartial({ data: new Uint8Array([1]) });
    message.maps.set('a', MapMessage.fromPartial({}));
    expect(MapMessage.decode(MapMessage.encode(message).finish())).toEqual(message);
  });
});
