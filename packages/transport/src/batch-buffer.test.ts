import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Recorder } from '../test/support/recorder.js';
import { BatchBuffer } from './batch-buffer.js';
import { RecordStream } from './record-stream.js';

function put(batch: BatchBuffer, body: Uint8Array): void {
  const claim = batch.claim(body.length);
  expect(claim.limit - claim.offset).toBeGreaterThanOrEqual(body.length);
  expect(claim.offset % 8).toBe(0);
  claim.bytes.set(body, claim.offset);
  batch.commit(body.length);
}

function recordsOf(pieces: readonly Uint8Array[]): number[][] {
  const sees = new Recorder();
  const stream = new RecordStream(sees, { recordBytesMax: 1024 * 1024 });
  for (const piece of pieces) stream.push(piece);
  return sees.records;
}

describe('claim() and commit()', () => {
  it('make records that a stream finds again, over many chunks', () => {
    const sizes = fc.oneof(fc.nat(100), fc.nat(70_000), fc.constantFrom(0, 65_520, 65_528, 65_536));
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 12 }), fc.nat(3), (lengths, takeEvery) => {
        const batch = new BatchBuffer();
        const pieces: Uint8Array[] = [];
        lengths.forEach((length, index) => {
          put(batch, new Uint8Array(length).fill(index + 1));
          if (takeEvery > 0 && index % takeEvery === 0) pieces.push(...batch.take());
        });
        pieces.push(...batch.take());
        expect(recordsOf(pieces).map((body) => body.length)).toEqual(lengths);
        recordsOf(pieces).forEach((body, index) => {
          if (body.some((byte) => byte !== index + 1)) throw new Error(`wrong bytes in ${index}`);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('use less than was claimed when less is committed', () => {
    const batch = new BatchBuffer();
    const claim = batch.claim(1000);
    claim.bytes.fill(5, claim.offset, claim.offset + 3);
    batch.commit(3);
    put(batch, Uint8Array.of(6));
    expect(recordsOf(batch.take())).toEqual([[5, 5, 5], [6]]);
  });

  it('send nothing of a claim that was not committed', () => {
    const batch = new BatchBuffer();
    const claim = batch.claim(100);
    claim.bytes.fill(0xee, claim.offset, claim.limit);
    expect(batch.take()).toEqual([]);
    expect(batch.committedBytes).toBe(0);
    put(batch, Uint8Array.of(1));
    expect(recordsOf(batch.take())).toEqual([[1]]);
  });
});

describe('take()', () => {
  it('is empty when there is nothing', () => {
    expect(new BatchBuffer().take()).toEqual([]);
  });

  it('hands out memory that is never written again', () => {
    const batch = new BatchBuffer();
    put(batch, Uint8Array.of(1, 2, 3));
    const [piece] = batch.take();
    const before = piece!.slice();
    for (let index = 0; index < 1000; index++) put(batch, new Uint8Array(200).fill(9));
    expect(piece).toEqual(before);
  });

  it('leaves zeros in the gaps between records', () => {
    const batch = new BatchBuffer();
    put(batch, Uint8Array.of(0xff));
    put(batch, Uint8Array.of(0xff));
    const [piece] = batch.take();
    expect(
      [...piece!.subarray(9, 16), ...piece!.subarray(25, 32)].every((byte) => byte === 0),
    ).toBe(true);
  });
});

describe('committedBytes', () => {
  it('counts what waits, with headers and gaps', () => {
    const batch = new BatchBuffer();
    put(batch, new Uint8Array(1));
    put(batch, new Uint8Array(70_000));
    put(batch, new Uint8Array(8));
    expect(batch.committedBytes).toBe(16 + 70_008 + 16);
    const taken = batch.take().reduce((sum, piece) => sum + piece.length, 0);
    expect(taken).toBe(16 + 70_008 + 16);
    expect(batch.committedBytes).toBe(0);
  });
});
