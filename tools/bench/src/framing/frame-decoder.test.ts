import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from 'vitest';

import { FrameDecoder } from './frame-decoder.js';
import { FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES, writeFrameHeader } from './frame-layout.js';

interface Frame {
  readonly id: number;
  readonly body: string;
}

const frames: readonly Frame[] = [
  { id: 1, body: 'first' },
  { id: 2, body: '' },
  { id: 0xffff_ffff, body: 'the third frame is longer than the others' },
  { id: 4, body: 'x' },
];
const stream = Buffer.concat(frames.map(encode));

function encode({ id, body }: Frame): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + body.length);
  writeFrameHeader(bytes, 0, { lengthBytes: body.length, id });
  bytes.write(body, FRAME_HEADER_BYTES);
  return bytes;
}

function decode(chunks: readonly Buffer[]): Frame[] {
  const found: Frame[] = [];
  const decoder = new FrameDecoder((id, body) => found.push({ id, body: body.toString() }));
  for (const chunk of chunks) decoder.push(chunk);
  return found;
}

function cutEvery(stepBytes: number): Buffer[] {
  const count = Math.ceil(stream.length / stepBytes);
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(stream.subarray(index * stepBytes, (index + 1) * stepBytes)),
  );
}

describe('FrameDecoder', () => {
  it('finds all frames of one chunk', () => {
    expect(decode([stream])).toEqual(frames);
  });

  it.each(Array.from({ length: stream.length }, (_, index) => index + 1))(
    'finds all frames in chunks of %d bytes',
    (stepBytes) => {
      expect(decode(cutEvery(stepBytes))).toEqual(frames);
    },
  );

  it('finds all frames wherever two cuts fall', () => {
    const wrong: [number, number][] = [];
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        const chunks = [
          stream.subarray(0, first),
          stream.subarray(first, second),
          stream.subarray(second),
        ];
        if (!isDeepStrictEqual(decode(chunks), frames)) wrong.push([first, second]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('passes a frame on as soon as its last byte is there', () => {
    const found: number[] = [];
    const decoder = new FrameDecoder((id) => found.push(id));
    const bytes = encode({ id: 9, body: 'abc' });
    decoder.push(bytes.subarray(0, -1));
    expect(found).toEqual([]);
    decoder.push(bytes.subarray(-1));
    expect(found).toEqual([9]);
  });

  it('does not copy a frame that is within a chunk', () => {
    const bytes = encode({ id: 9, body: 'abc' });
    const bodies: Buffer[] = [];
    new FrameDecoder((_, body) => bodies.push(body)).push(bytes);
    expect(bodies[0]?.buffer).toBe(bytes.buffer);
  });

  it.each([FRAME_HEADER_BYTES, 3])(
    'refuses a length over the limit, in chunks of %d bytes',
    (step) => {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, { lengthBytes: FRAME_BODY_BYTES_MAX + 1, id: 1 });
      const decoder = new FrameDecoder(() => undefined);
      expect(() => {
        for (let at = 0; at < header.length; at += step)
          decoder.push(header.subarray(at, at + step));
      }).toThrow(RangeError);
    },
  );
});
