/*
 * Writes the seeds of targets that have none yet, with the package's own encoders: run it by hand
 * (`node tools/fuzz/dist/make-seeds.js`) when a target is new. Existing files are kept: they also
 * hold the inputs that once broke something.
 */
import { existsSync, writeFileSync } from 'node:fs';

import { Everything } from '@portcall/testing';
import { PLAIN_FRAME, encodeFrame } from '@portcall/transport';
import { FRAME_TYPE, HANDLE_TYPES, LAYOUT_HASH, NUMERIC_ATTRIBUTES } from '@portcall/wire';

import { SEED_FOLDER } from './seeds.js';

type Bytes = readonly number[];

const u16 = (value: number): Bytes => [value & 0xff, value >>> 8];
const u32 = (value: number): Bytes => [...u16(value & 0xffff), ...u16(value >>> 16)];
const text = (value: string): Bytes => [...Buffer.from(value)];
const pad8 = (bytes: Bytes): Bytes => [
  ...bytes,
  ...Array<number>((8 - (bytes.length % 8)) % 8).fill(0),
];

interface Head {
  readonly type: number;
  readonly id?: number;
  readonly mode?: number;
  readonly mask?: number;
  readonly infos?: number;
  readonly dataLength: number;
}

/** dataLength totalLength type mode flags id callbackId sequence mask infos status: 32 bytes. */
function message(head: Head, body: Bytes): Bytes {
  const { type, id = 1, mode = 0, mask = 0, infos = 0, dataLength } = head;
  const total = u32(32 + body.length);
  const first = [...u32(dataLength), ...total, type, mode, ...u16(0), ...u32(id), ...u32(0)];
  return [...first, ...u32(0), ...u32(mask), ...u16(infos), ...u16(0), ...body];
}

/** An id of credentials, two handles, one range, work, two identities, a deadline. */
const ATTRIBUTES: Bytes = [
  ...u32(5),
  ...u32(0),
  ...u32(6),
  ...u32(2),
  ...u32(1),
  ...u32(0),
  ...u32(4096),
  ...u32(0),
  ...u32(0),
  ...u32(0),
  ...u32(3),
  ...u32(0),
  1,
  0,
  ...u16(5),
  ...u16(3),
  ...u16(0),
  ...pad8([...text('trace'), 1, 2, 3]),
  ...u32(1),
  ...u32(0),
  ...u32(10),
  ...u32(1000),
  ...u32(1000),
  ...u32(0),
  ...u32(99),
  ...u32(0),
  ...u32(250),
  ...u32(0),
];

const record = (body: Bytes): Bytes => pad8([...u32(8 + body.length), ...u32(1), ...body]);
const entry = (flags: number, key: string, value: Bytes): Bytes => {
  return [flags, key.length, ...u16(value.length), ...text(key), ...value];
};
const words = [
  ...NUMERIC_ATTRIBUTES.map((_, index) => 1000 + index),
  (1 << HANDLE_TYPES.length) - 1,
  2,
  1 << 20,
];
const connect = (count: number): Bytes => {
  const stated = Array.from({ length: count }, (_, index) => words[index] ?? 7).flatMap(u32);
  return [...u32(count), ...stated, ...u32(0x1ff), 1, 0, 0, 0, ...u32(2), 1, 2];
};
const section = (id: number): Bytes => [2, 0, 0, 0, ...u32(id), ...u32(4096), ...u32(0)];

const SEEDS: Readonly<Record<string, readonly Bytes[]>> = {
  header: [
    ...[1, 2, 3].map((type) => message({ type, id: type === 3 ? 0 : 7, dataLength: 3 }, [1, 2, 3])),
    message({ type: 1, mode: 1, infos: 1, dataLength: 9 }, [
      ...u32(3),
      ...u32(0),
      ...u32(9),
      ...u32(0),
    ]),
    ...[0x1ff, 0x155, 0x0aa, 1, 2, 4, 8, 16, 32, 64, 128, 256].map((mask) => {
      return message({ type: 1, mask, dataLength: 2 }, [...ATTRIBUTES, 1, 2]);
    }),
    ...[4, 6, 7, 8, 9].map((type) => message({ type, id: type === 6 ? 0 : 2, dataLength: 0 }, [])),
  ],
  attributes: [0x1ff, 0x1fb, 1, 2, 4, 8, 16, 32, 64, 128, 256].map((mask) => [
    ...u32(mask),
    ...ATTRIBUTES,
  ]),
  'connect-payload': [words.length, words.length + 1, 32].map(connect),
  'reject-payload': [[], [...u16(3), 0, 0, ...u32(2), 9, 9], [...u16(999), 0, 0, ...u32(0)]],
  frame: [FRAME_TYPE.CONNECT_REQUEST, FRAME_TYPE.ACCEPT, FRAME_TYPE.REJECT].flatMap((type) => {
    const plain = encodeFrame({ ...PLAIN_FRAME, type, payload: Uint8Array.of(1, 2, 3) });
    const shared = { features: 1, layoutHash: LAYOUT_HASH, regionBytes: 32768 };
    const full = encodeFrame({ ...PLAIN_FRAME, ...shared, type, payload: new Uint8Array(40) });
    return [[...plain], [...full, ...record([1])]];
  }),
  'record-stream': [
    record([]),
    record([1, 2, 3]),
    [...record([1]), ...record(Array<number>(50).fill(3)), ...record([2, 2])],
    record(Array<number>(600).fill(5)),
  ],
  'control-stream': [
    [0, 0, 3, 1, 1, 1],
    [0, 1, 16, ...section(1), 0, 1, 1],
    [0, 4, 8, 3, 4, 0, 0, ...u32(1), 0, 2, 1, 1],
    [1, 0, 8, 4, 0, 0, 0, ...u32(1), 1, 16, ...section(2)],
    [0, 253, 16, ...section(3), 0, 1, 1],
    [0, 1, 5, ...section(4).slice(0, 5), 0, 11, ...section(4).slice(5)],
  ],
  ring: [
    [...u32(0), ...u32(16), ...record([1, 2, 3])],
    [
      ...u32(0),
      ...u32(56),
      ...record([1]),
      ...record([2, 2, 2]),
      ...record(Array<number>(10).fill(4)),
    ],
    [...u32(0xfffff000), ...u32(4096), ...u32(4096), ...u32(2)],
    [...u32(0), ...u32(1024), ...record(Array<number>(1016).fill(7))],
  ],
  'message-reader': [
    [...Everything.encode(Everything.fromPartial({})).finish()],
    [0x0a, 3, 97, 98, 99],
    [0x12, 2, 8, 1],
    [8, 0xff, 0xff, 0xff, 0xff, 0x0f],
  ],
  metadata: [
    pad8([
      ...entry(0, 'key', text('value')),
      ...entry(1, 'bytes-bin', [1, 2, 3]),
      ...entry(0, 'key', text('b')),
    ]),
    pad8(entry(0, 'a', [])),
    [],
  ],
  'error-reply': [
    [8, 5, 0x12, 2, 104, 105],
    [8, 13, 0x12, 0, 0x1a, 9, 0x0a, 3, 97, 47, 98, 0x12, 2, 1, 2],
  ],
};

for (const [target, inputs] of Object.entries(SEEDS)) {
  const path = `${SEED_FOLDER}${target}.hex`;
  if (existsSync(path)) continue;
  const lines = inputs.map((bytes) => Buffer.from(bytes).toString('hex') || '-');
  writeFileSync(
    path,
    `# Seeds of the target ${target}: an input a line, in hexadecimal.\n${lines.join('\n')}\n`,
  );
}
