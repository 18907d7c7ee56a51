/** Numbers that checks are about: ends of ranges, signs, and the sizes of headers. */
const WORDS = [
  0, 1, 2, 3, 4, 7, 8, 9, 16, 24, 31, 32, 33, 63, 64, 127, 128, 255, 256, 4095, 4096, 4097, 8192,
  32767, 32768, 65535, 65536, 0x7fffffff, 0x7ffffff8, 0x80000000, 0xfffffff7, 0xfffffff8,
  0xffffffff,
] as const;

/** Longest input that is made. */
const INPUT_BYTES_MAX = 16 * 1024;

/** Numbers from 0 up to 1. */
export type Random = () => number;

/** Makes a new input of one seed, or of two: some changes one after the other. */
export function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const any = (): Uint8Array => seeds[below(seeds.length)] ?? new Uint8Array(0);
  let bytes: Uint8Array = any().slice();
  for (let changes = 1 + below(6); changes > 0; changes--) {
    const change = CHANGES[below(CHANGES.length)];
    if (change !== undefined) bytes = change(bytes, below, any);
  }
  return bytes.subarray(0, INPUT_BYTES_MAX);
}

type Below = (limit: number) => number;
type Change = (bytes: Uint8Array, below: Below, other: () => Uint8Array) => Uint8Array;

const flipBit: Change = (bytes, below) => {
  const at = below(bytes.length);
  const before = bytes[at];
  if (before !== undefined) bytes[at] = before ^ (1 << below(8));
  return bytes;
};

const setByte: Change = (bytes, below) => {
  if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
  return bytes;
};

const setWord: Change = (bytes, below) => {
  const width = 1 << below(3);
  if (bytes.length < width) return bytes;
  const at = below(bytes.length - width + 1);
  let value = WORDS[below(WORDS.length)] ?? 0;
  for (let index = 0; index < width; index++) {
    bytes[at + index] = value & 0xff;
    value >>>= 8;
  }
  return bytes;
};

const addToWord: Change = (bytes, below) => {
  if (bytes.length < 4) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = below(bytes.length >> 2 || 1) * 4;
  view.setUint32(at, (view.getUint32(at, true) + below(17) - 8) >>> 0, true);
  return bytes;
};

const cutEnd: Change = (bytes, below) => bytes.slice(0, below(bytes.length + 1));

const cutOut: Change = (bytes, below) => {
  const from = below(bytes.length + 1);
  const to = Math.min(bytes.length, from + below(17));
  return joined(bytes.subarray(0, from), bytes.subarray(to));
};

const repeat: Change = (bytes, below) => {
  const from = below(bytes.length + 1);
  const to = Math.min(bytes.length, from + 1 + below(33));
  return joined(bytes.subarray(0, to), bytes.subarray(from));
};

const append: Change = (bytes, below) => {
  const filling = new Uint8Array(below(65)).fill(below(2) === 0 ? 0 : below(256));
  return joined(bytes, filling);
};

const splice: Change = (bytes, below, other) => {
  const tail = other();
  return joined(bytes.subarray(0, below(bytes.length + 1)), tail.subarray(below(tail.length + 1)));
};

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setWord,
  setWord,
  addToWord,
  cutEnd,
  cutOut,
  repeat,
  append,
  splice,
];

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
