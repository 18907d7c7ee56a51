import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageData, MessageSpace } from '@portcall/port';
import fc from 'fast-check';

/** One call of a writer, and the call of a reader that undoes it. */
export interface ValueStep {
  readonly method: ScalarMethod | 'string' | 'bytes' | 'tag' | 'raw';
  readonly value: unknown;
}

/** What is written, in order. Forks that are not joined are joined at the end. */
export type Step = ValueStep | { readonly method: 'fork' } | { readonly method: 'join' };

/** Methods of writer and reader that move one number. */
export type ScalarMethod =
  | 'uint32'
  | 'int32'
  | 'sint32'
  | 'bool'
  | 'float'
  | 'double'
  | 'fixed32'
  | 'sfixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'int64'
  | 'uint64'
  | 'sint64';

/** Deepest nesting that the steps reach. */
const DEPTH_MAX = 20;

const uint32 = fc.oneof(
  fc.nat(300),
  fc.nat(2 ** 32 - 1),
  fc.constantFrom(0, 127, 128, 2 ** 32 - 1),
);
const int32 = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(-1, -(2 ** 31), 2 ** 31 - 1),
);
const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 127n, 128n, 2n ** 28n, 2n ** 32n - 1n, 2n ** 35n, 2n ** 63n, 2n ** 64n - 1n),
);
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 2n ** 31n, -(2n ** 31n), -(2n ** 63n), 2n ** 63n - 1n),
);

/** Numbers as the generated code passes them: bigint, decimal text, or a safe number. */
function inAllForms(values: fc.Arbitrary<bigint>): fc.Arbitrary<bigint | string | number> {
  return fc.tuple(values, fc.nat(2)).map(([value, form]) => {
    if (form === 0) return value;
    if (form === 1) return value.toString();
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  });
}

/** Values of each scalar method. */
const SCALARS: Readonly<Record<ScalarMethod, fc.Arbitrary<unknown>>> = {
  uint32,
  fixed32: uint32,
  int32,
  sint32: int32,
  sfixed32: int32,
  bool: fc.boolean(),
  float: fc.oneof(
    fc.float(),
    fc.constantFrom(0, -0, Infinity, -Infinity, NaN, 3.4028234663852886e38),
  ),
  double: fc.oneof(fc.double(), fc.constantFrom(0, -0, Infinity, -Infinity, NaN)),
  fixed64: inAllForms(uint64),
  uint64: inAllForms(uint64),
  sfixed64: inAllForms(int64),
  int64: inAllForms(int64),
  sint64: inAllForms(int64),
};

/** Text of every kind, lone surrogates too, around the lengths where encoders change course. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 200, size: 'max' }),
  fc.string({ unit: 'binary', maxLength: 140, size: 'max' }),
  fc.string({
    unit: fc.constantFrom('é', 'ß', '中', '😀', 'a', '\u0000'),
    maxLength: 150,
    size: 'max',
  }),
  fc.string({ unit: fc.constantFrom('\ud800', '\udfff', 'a', '😀', '\ufffd'), maxLength: 60 }),
  fc
    .tuple(
      fc.constantFrom('a', 'é', '中', '😀', '\udc00'),
      fc.constantFrom(31, 32, 42, 43, 127, 128),
    )
    .map(([unit, count]) => unit.repeat(count)),
  fc.tuple(fc.nat(130), fc.constantFrom('é', '中', '\ud83d')).map(([at, c]) => 'x'.repeat(at) + c),
  fc.constantFrom(5000, 16_383, 16_384, 30_000).map((count) => 'ab€'.repeat(count / 3)),
);

const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 300, size: 'max' }) },
  {
    weight: 1,
    arbitrary: fc
      .oneof(fc.nat(100_000), fc.constantFrom(0, 127, 128, 4095, 4096, 16_384))
      .map((length) => new Uint8Array(length).fill(length & 0xff)),
  },
);

const scalar: fc.Arbitrary<Step> = fc
  .constantFrom(...(Object.keys(SCALARS) as ScalarMethod[]))
  .chain((method) => SCALARS[method].map((value) => ({ method, value })));

/** Sequences of calls. */
export const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: scalar },
    { weight: 3, arbitrary: anyText.map((value): Step => ({ method: 'string', value })) },
    { weight: 2, arbitrary: anyBytes.map((value): Step => ({ method: 'bytes', value })) },
    { weight: 1, arbitrary: anyBytes.map((value): Step => ({ method: 'raw', value })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.integer({ min: 1, max: 2 ** 29 - 1 }), fc.constantFrom(0, 1, 2, 5))
        .map((value): Step => ({ method: 'tag', value })),
    },
    { weight: 4, arbitrary: fc.constant<Step>({ method: 'fork' }) },
    { weight: 3, arbitrary: fc.constant<Step>({ method: 'join' }) },
  ),
  { maxLength: 40, size: 'max' },
);

/** Makes the calls. */
export function write(writer: BinaryWriter, steps: readonly Step[]): void {
  let depth = 0;
  for (const step of steps) {
    if (step.method === 'fork') {
      if (depth === DEPTH_MAX) continue;
      depth++;
      writer.fork();
    } else if (step.method === 'join') {
      if (depth === 0) continue;
      depth--;
      writer.join();
    } else if (step.method === 'tag') {
      const [field, type] = step.value as [number, number];
      writer.tag(field, type);
    } else {
      (writer[step.method] as (value: unknown) => unknown).call(writer, step.value);
    }
  }
  for (; depth > 0; depth--) writer.join();
}

/** Reads back what values were written; forks are lengths. Stops at the first error. */
export function readAll(reader: BinaryReader, steps: readonly Step[]): unknown[] {
  const seen: unknown[] = [];
  let depth = 0;
  for (const step of steps) {
    if (step.method === 'join') depth = Math.max(depth - 1, 0);
    else if (step.method === 'fork') {
      if (depth === DEPTH_MAX) continue;
      depth++;
      seen.push(reader.uint32());
    } else if (step.method === 'raw') {
      reader.pos += (step.value as Uint8Array).length;
    } else if (step.method === 'bytes') seen.push(Buffer.from(reader.bytes()).toString('base64'));
    else seen.push(reader[step.method]());
  }
  return seen;
}

/** Room in the middle of a buffer that must not change elsewhere. */
export function spaceOf(bytesBefore: number, roomBytes: number): MessageSpace {
  const bytes = new Uint8Array(bytesBefore + roomBytes + 64).fill(0xc5);
  const view = new DataView(bytes.buffer);
  return { bytes, view, offset: bytesBefore, limit: bytesBefore + roomBytes };
}

/** Data in the middle of a buffer that holds other things around it. */
export function dataOf(data: Uint8Array, isPrivate = false, around = 0x01): MessageData {
  const bytes = new Uint8Array(8 + data.length + 32).fill(around);
  bytes.set(data, 8);
  const view = new DataView(bytes.buffer);
  return { bytes, view, offset: 8, lengthBytes: data.length, isPrivate };
}
