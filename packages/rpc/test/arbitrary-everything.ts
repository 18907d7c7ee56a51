import fc from 'fast-check';

/** One of the values that are most often handled wrongly, or any. */
function bigInts(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  const edges = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 53n, min, max];
  const inside = edges.filter((value) => value >= min && value <= max);
  return fc.oneof(fc.constantFrom(...inside), fc.bigInt({ min, max }));
}

function integers(min: number, max: number): fc.Arbitrary<number> {
  const edges = [0, 1, -1, 127, 128, 16_383, 16_384, min, max];
  const inside = edges.filter((value) => value >= min && value <= max);
  return fc.oneof(fc.constantFrom(...inside), fc.integer({ min, max }));
}

const int32 = integers(-(2 ** 31), 2 ** 31 - 1);
const uint32 = integers(0, 2 ** 32 - 1);
const int64 = bigInts(-(2n ** 63n), 2n ** 63n - 1n);
const uint64 = bigInts(0n, 2n ** 64n - 1n);
const double = fc.double();
const float = fc.float();
/** Any text without lone surrogates, which no UTF-8 can carry; some of it long. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary-ascii', minLength: 120, maxLength: 200 }),
  fc.constantFrom('', '\ufffd', '\ufeff', '\0', '\u{10ffff}', 'ß'.repeat(64), '€'.repeat(43)),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 127, maxLength: 129 }),
);
const color = fc.constantFrom(0, 1, 2, -7, 99);
const time = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});

/** A message that holds itself. */
interface NestedPart {
  readonly label?: string;
  readonly depth?: number;
  readonly child?: NestedPart | undefined;
  readonly children?: NestedPart[];
}

const { nested } = fc.letrec<{ nested: NestedPart }>((tie) => ({
  nested: fc.record(
    {
      label: text,
      depth: int32,
      child: fc.option(tie('nested'), { nil: undefined, depthIdentifier: 'nested' }),
      children: fc.array(tie('nested'), { maxLength: 2, depthIdentifier: 'nested' }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<NestedPart>,
}));

const map = <K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>): fc.Arbitrary<Map<K, V>> =>
  fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => new Map(entries));

const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 6 });

const choice = fc.oneof(
  text.map((value) => ({ $case: 'choiceText', value })),
  uint64.map((value) => ({ $case: 'choiceNumber', value })),
  nested.map((value) => ({ $case: 'choiceNested', value })),
  bytes.map((value) => ({ $case: 'choiceBytes', value })),
  fc.boolean().map((value) => ({ $case: 'choiceFlag', value })),
  color.map((value) => ({ $case: 'choiceColor', value })),
);

/** Every field of the message `Everything`. */
const FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  doubleValue: double,
  floatValue: float,
  int32Value: int32,
  int64Value: int64,
  uint32Value: uint32,
  uint64Value: uint64,
  sint32Value: int32,
  sint64Value: int64,
  fixed32Value: uint32,
  fixed64Value: uint64,
  sfixed32Value: int32,
  sfixed64Value: int64,
  boolValue: fc.boolean(),
  stringValue: text,
  bytesValue: bytes,
  color,
  nested,
  time,
  maybeInt32: int32,
  maybeUint64: uint64,
  maybeString: text,
  maybeBytes: bytes,
  maybeColor: color,
  maybeBool: fc.boolean(),
  doubles: list(double),
  int32s: list(int32),
  uint64s: list(uint64),
  sint64s: list(int64),
  bools: list(fc.boolean()),
  strings: list(text),
  blobs: list(bytes),
  colors: list(color),
  children: list(nested),
  unpacked: list(uint32),
  counts: map(text, int32),
  names: map(int32, text),
  byId: map(uint64, nested),
  byFlag: map(fc.boolean(), bytes),
  paints: map(text, color),
  choice,
  last: text,
};

/** Names of all fields, to check that none was forgotten. */
export const FIELD_NAMES: readonly string[] = Object.keys(FIELDS);

/** Messages with some of the fields set, each as likely as the others. */
export function arbitraryEverything(fieldsMax = 6): fc.Arbitrary<Record<string, unknown>> {
  const field = fc.constantFrom(...FIELD_NAMES).chain((name) => {
    return (FIELDS[name] ?? fc.constant(undefined)).map((value) => [name, value] as const);
  });
  return fc.array(field, { maxLength: fieldsMax }).map((entries) => Object.fromEntries(entries));
}
