/*
 * Threat: the first bytes of a connection come from anybody. Only a frame or PROTOCOL_ERROR may
 * come out, and no more than one frame may ever be held.
 */
import {
  FRAME_HEADER_BYTES,
  FRAME_OFFSET,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_TYPE,
} from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/recorder.js';
import { FrameAssembler, PLAIN_FRAME, encodeFrame, speaksOurVersion, type Frame } from './frame.js';

const REQUEST: Frame = {
  ...PLAIN_FRAME,
  type: FRAME_TYPE.CONNECT_REQUEST,
  payload: Uint8Array.of(1, 2, 3),
};

const anyFrame: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom(...Object.values(FRAME_TYPE)),
  versionMin: fc.nat(255),
  versionMax: fc.nat(255),
  features: fc.nat(2 ** 32 - 1),
  layoutHash: fc.nat(2 ** 32 - 1),
  regionBytes: fc.nat(2 ** 32 - 1),
  payload: fc.uint8Array({ maxLength: 300 }),
});

/** One field of a frame set to a value. */
function bent(offset: number, value: number, bytes: 1 | 4): Uint8Array {
  const frame = encodeFrame(REQUEST);
  const view = new DataView(frame.buffer);
  if (bytes === 1) view.setUint8(offset, value);
  else view.setUint32(offset, value, true);
  return frame;
}

describe('encodeFrame()', () => {
  it('throws RangeError for a payload over the limit', () => {
    const payload = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX + 1);
    expect(() => encodeFrame({ ...REQUEST, payload })).toThrow(RangeError);
  });

  it('starts with the letters PCL1', () => {
    expect(Buffer.from(encodeFrame(REQUEST)).toString('latin1', 0, 4)).toBe('PCL1');
  });
});

describe('FrameAssembler', () => {
  it('puts any frame together, wherever it is cut, and keeps what follows', () => {
    fc.assert(
      fc.property(anyFrame, fc.uint8Array(), fc.array(fc.nat(400)), (frame, rest, cuts) => {
        const bytes = Buffer.concat([encodeFrame(frame), rest]);
        const assembler = new FrameAssembler();
        const ends = [...cuts, bytes.length].map((cut) => Math.min(cut, bytes.length));
        let position = 0;
        let found: Frame | undefined;
        for (const end of ends.toSorted((a, b) => a - b)) {
          if (found !== undefined) break;
          found = assembler.push(bytes.subarray(position, end));
          position = end;
        }
        expect(found).toEqual(frame);
        const kept = Buffer.concat([assembler.takeRest(), bytes.subarray(position)]);
        expect(kept.equals(rest)).toBe(true);
        expect(assembler.takeRest()).toHaveLength(0);
      }),
    );
  });

  it('takes the longest payload there may be', () => {
    const payload = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX).fill(7);
    expect(new FrameAssembler().push(encodeFrame({ ...REQUEST, payload }))?.payload).toHaveLength(
      FRAME_PAYLOAD_BYTES_MAX,
    );
  });

  it('copies: the piece may change afterwards', () => {
    const bytes = encodeFrame(REQUEST);
    const assembler = new FrameAssembler();
    assembler.push(bytes.subarray(0, 25));
    bytes.fill(0, 0, 25);
    const frame = assembler.push(bytes.subarray(25));
    bytes.fill(0);
    expect(frame?.payload).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each([
    ['type 0', bent(FRAME_OFFSET.TYPE, 0, 1)],
    ['type 4', bent(FRAME_OFFSET.TYPE, 4, 1)],
    ['type 255', bent(FRAME_OFFSET.TYPE, 255, 1)],
    ['a reserved byte', bent(FRAME_OFFSET.RESERVED, 1, 1)],
    ['a payload one byte over the limit', bent(FRAME_OFFSET.PAYLOAD_LENGTH, 65_537, 4)],
    ['a payload of 4 GiB', bent(FRAME_OFFSET.PAYLOAD_LENGTH, 2 ** 32 - 1, 4)],
  ])('throws PROTOCOL_ERROR for %s, as soon as the header is complete', (_, bytes) => {
    const assembler = new FrameAssembler();
    expect(assembler.push(bytes.subarray(0, FRAME_HEADER_BYTES - 1))).toBeUndefined();
    const last = bytes.subarray(FRAME_HEADER_BYTES - 1, FRAME_HEADER_BYTES);
    expect(codeOf(() => assembler.push(last))).toBe('PROTOCOL_ERROR');
  });

  it.each([0, 1, 2, 3])('does not wait for more when byte %i is not of the magic number', (at) => {
    const bytes = bent(FRAME_OFFSET.MAGIC + at, 0xff, 1).subarray(0, at + 1);
    const assembler = new FrameAssembler();
    if (at > 0) expect(assembler.push(bytes.subarray(0, at))).toBeUndefined();
    expect(codeOf(() => assembler.push(bytes.subarray(at)))).toBe('PROTOCOL_ERROR');
  });

  it('brings out nothing but frames and PROTOCOL_ERROR for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), fc.boolean(), (pieces, magic) => {
        const assembler = new FrameAssembler();
        if (magic) assembler.push(Buffer.from('PCL1'));
        for (const piece of pieces) {
          const code = codeOf(() => assembler.push(piece));
          if (code === 'PROTOCOL_ERROR') return;
          expect(code).toBe('nothing thrown');
        }
      }),
    );
  });
});

describe('speaksOurVersion()', () => {
  it.each([
    [2, 2, true],
    [0, 2, true],
    [2, 9, true],
    [0, 255, true],
    [3, 9, false],
    [0, 1, false],
    [9, 2, false],
  ])('of versions %i to %i: %s', (versionMin, versionMax, expected) => {
    expect(speaksOurVersion({ ...REQUEST, versionMin, versionMax })).toBe(expected);
  });
});
