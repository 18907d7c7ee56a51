import { RECORD_KIND, REGION_HEADER_BYTES, alignRecord, isPortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  SMALL_RING_BYTES,
  WORD,
  batchBodies,
  bodyOf,
  memoryRegion,
  receiveAll,
  ringPair,
  send,
  wordOf,
} from '../test/support/ring-pair.js';
import { RingConsumer } from './ring-consumer.js';

const KIND = RECORD_KIND;

/** Writes a record header where a hostile writer would. */
function forge(
  pair: ReturnType<typeof ringPair>,
  position: number,
  words: readonly number[],
): void {
  const view = new DataView(pair.writer.mapping, REGION_HEADER_BYTES + position);
  words.forEach((word, index) => view.setUint32(4 * index, word >>> 0, true));
}

function publish(pair: ReturnType<typeof ringPair>, tail: number): void {
  Atomics.store(pair.writer.words, WORD.OUT_TAIL, tail | 0);
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : String(error);
  }
  return 'nothing thrown';
}

describe('hasRecords()', () => {
  it('is true from commit until the copy', () => {
    const { producer, consumer } = ringPair();
    expect(consumer.hasRecords()).toBe(false);
    send(producer, bodyOf(1, 3));
    expect(consumer.hasRecords()).toBe(true);
    consumer.copyBatch();
    expect(consumer.hasRecords()).toBe(false);
  });

  it('compares cursors of the upper half as unsigned', () => {
    const { consumer } = ringPair(SMALL_RING_BYTES, 2 ** 32 - 8);
    expect(consumer.hasRecords()).toBe(false);
  });
});

describe('copyBatch()', () => {
  it('returns false when nothing was published', () => {
    const { consumer } = ringPair();
    expect(consumer.copyBatch()).toBe(false);
    expect(consumer.next()).toBe(-1);
  });

  it('copies: later writes of the peer do not change the batch', () => {
    const { producer, consumer, writer } = ringPair();
    send(producer, bodyOf(1, 40));
    consumer.copyBatch();
    new Uint8Array(writer.mapping, REGION_HEADER_BYTES).fill(0xee);
    expect(batchBodies(consumer)).toEqual([bodyOf(1, 40)]);
  });

  it('gives the room back before the records are looked at', () => {
    const { producer, consumer, reader } = ringPair();
    send(producer, bodyOf(1, 40));
    consumer.copyBatch();
    expect(wordOf(reader, WORD.IN_HEAD)).toBe(producer.tail);
  });

  it('takes a batch of at most 64 KiB of short records, in order', () => {
    const { producer, consumer } = ringPair(1024 * 1024);
    const count = 1000;
    for (let index = 0; index < count; index++) send(producer, bodyOf(index, 200));
    consumer.copyBatch();
    const first = batchBodies(consumer);
    expect(first.length).toBe(Math.floor((64 * 1024) / alignRecord(208)));
    const all = Buffer.concat([...first, ...receiveAll(consumer)]);
    const sent = Array.from({ length: count }, (_, index) => bodyOf(index, 200));
    expect(all.equals(Buffer.concat(sent))).toBe(true);
  });

  it('takes one record that is longer than a batch', () => {
    const { producer, consumer } = ringPair(1024 * 1024);
    send(producer, bodyOf(1, 10));
    send(producer, bodyOf(2, 300_000));
    send(producer, bodyOf(3, 10));
    const [first, second, third] = receiveAll(consumer);
    expect([first, third]).toEqual([bodyOf(1, 10), bodyOf(3, 10)]);
    expect(Buffer.compare(second!, bodyOf(2, 300_000))).toBe(0);
  });

  it('forgets the rest of a batch that was not read', () => {
    const { producer, consumer } = ringPair();
    send(producer, bodyOf(1, 8));
    send(producer, bodyOf(2, 8));
    consumer.copyBatch();
    consumer.next();
    send(producer, bodyOf(3, 8));
    consumer.copyBatch();
    expect(batchBodies(consumer)).toEqual([bodyOf(3, 8)]);
  });
});

describe('a write cursor that lies', () => {
  // Threat: the writer's region is the peer's. A false cursor must not make us read outside the
  // ring, deliver what was never sent, or loop.
  it.each([
    ['more than the ring ahead', SMALL_RING_BYTES + 8],
    ['backwards', -8],
    ['half the number space ahead', 2 ** 31],
    ['misaligned', 12],
    ['misaligned by one', 1],
    ['at the largest number', 2 ** 32 - 1],
  ])('ends the connection when it is %s', (_, distance) => {
    for (const start of [0, 800, 2 ** 31 - 8, 2 ** 32 - 8]) {
      const pair = ringPair(SMALL_RING_BYTES, start);
      publish(pair, start + distance);
      expect(codeOf(() => pair.consumer.copyBatch())).toBe('PROTOCOL_ERROR');
      expect(pair.consumer.next()).toBe(-1);
      expect(wordOf(pair.reader, WORD.IN_HEAD)).toBe(start);
    }
  });
});

describe('a record header that lies', () => {
  // Threat as above: lengths and kinds come from memory that the peer can change at any time.
  it.each([
    ['length 0', [0, KIND.MESSAGE]],
    ['length 7', [7, KIND.MESSAGE]],
    ['a length beyond what was published', [72, KIND.MESSAGE]],
    ['a length over half a ring', [SMALL_RING_BYTES / 2 + 8, KIND.MESSAGE]],
    ['length 2^31', [2 ** 31, KIND.MESSAGE]],
    ['length 2^32 − 1', [2 ** 32 - 1, KIND.MESSAGE]],
    ['length 2^32 − 8', [2 ** 32 - 8, KIND.MESSAGE]],
    ['kind 0', [16, 0]],
    ['an unknown kind', [16, 3]],
    ['a reserved bit', [16, KIND.MESSAGE | (1 << 16)]],
    ['padding with a reserved bit', [SMALL_RING_BYTES, KIND.PADDING | (1 << 31)]],
    ['padding that ends before the end', [64, KIND.PADDING]],
    ['padding that ends behind the end', [SMALL_RING_BYTES + 8, KIND.PADDING]],
    ['padding of length 0', [0, KIND.PADDING]],
    ['padding over what was published', [SMALL_RING_BYTES, KIND.PADDING]],
    ['padding of two rings', [2 * SMALL_RING_BYTES, KIND.PADDING]],
    ['padding of 2^31', [2 ** 31, KIND.PADDING]],
  ])('ends the connection for %s', (_, words) => {
    const pair = ringPair();
    forge(pair, 0, words);
    publish(pair, 64);
    expect(codeOf(() => pair.consumer.copyBatch())).toBe('PROTOCOL_ERROR');
    expect(pair.consumer.next()).toBe(-1);
  });

  it('ends the connection when the bad one comes behind good ones', () => {
    const pair = ringPair();
    send(pair.producer, bodyOf(1, 8));
    send(pair.producer, bodyOf(2, 8));
    forge(pair, 16, [5, KIND.MESSAGE]);
    expect(codeOf(() => pair.consumer.copyBatch())).toBe('PROTOCOL_ERROR');
    expect(pair.consumer.next()).toBe(-1);
  });

  it('ends the connection for padding whose length would lead the read cursor backwards', () => {
    const pair = ringPair();
    send(pair.producer, bodyOf(1, 8));
    const { tail } = pair.producer;
    // 2^32 − tail is as good as −tail in 32 bits: it "ends" at the ring's beginning.
    forge(pair, tail, [2 ** 32 - tail, KIND.PADDING]);
    publish(pair, tail + 8);
    expect(codeOf(() => pair.consumer.copyBatch())).toBe('PROTOCOL_ERROR');
  });

  it('never reads the length twice: the checked copy is what counts', () => {
    const pair = ringPair();
    send(pair.producer, bodyOf(1, 8));
    send(pair.producer, bodyOf(2, 8));
    pair.consumer.copyBatch();
    forge(pair, 0, [2 ** 31, 99]);
    expect(batchBodies(pair.consumer)).toEqual([bodyOf(1, 8), bodyOf(2, 8)]);
  });
});

describe('random contents', () => {
  // Threat: everything above at once. Only PROTOCOL_ERROR may come out, every record must lie in
  // the private copy, and the read cursor must move forward and never past what was published.
  const capacity = SMALL_RING_BYTES;
  /** Stands for the length that would lead back to the ring's beginning. */
  const backToStart = -1;
  const length = fc.oneof(
    fc.constant(backToStart),
    fc.nat(200),
    fc.constantFrom(0, 7, 8, 9, 2040, 2048, 2056, 4096, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1),
    fc.integer({ min: 1, max: 600 }).map((steps) => 2 ** 32 - 8 * steps),
    fc.nat(2 ** 32 - 1),
  );
  const kind = fc.oneof(
    { weight: 8, arbitrary: fc.constant(KIND.MESSAGE as number) },
    { weight: 3, arbitrary: fc.constant(KIND.PADDING as number) },
    { weight: 1, arbitrary: fc.nat(2 ** 32 - 1) },
  );
  const tail = fc.oneof(
    fc.nat(capacity / 8).map((steps) => steps * 8),
    fc.nat(2 ** 32 - 1),
  );

  function copyOnce(consumer: RingConsumer): boolean {
    try {
      return consumer.copyBatch();
    } catch (error) {
      expect(
        codeOf(() => {
          throw error;
        }),
      ).toBe('PROTOCOL_ERROR');
      return false;
    }
  }

  it('brings out nothing but PROTOCOL_ERROR, and always comes to an end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(length, kind), { minLength: 1, maxLength: 12, size: 'max' }),
        tail,
        fc.nat(capacity / 8 - 1),
        (headers, published, startSteps) => {
          const start = startSteps * 8;
          const pair = ringPair(capacity, start);
          let position = start;
          for (const [lengthOrMark, recordKind] of headers) {
            if (position % capacity > capacity - 8) break;
            const back = 2 ** 32 - (position % capacity);
            const recordBytes = lengthOrMark === backToStart ? back : lengthOrMark;
            forge(pair, position % capacity, [recordBytes, recordKind]);
            position += recordBytes < capacity ? Math.max(alignRecord(recordBytes), 8) : 8;
          }
          publish(pair, start + published);
          let before = start;
          while (copyOnce(pair.consumer)) {
            const head = wordOf(pair.reader, WORD.IN_HEAD);
            const progress = (head - before) >>> 0;
            if (progress === 0 || progress > capacity) throw new Error(`moved ${progress} bytes`);
            if ((head - start) >>> 0 > published) throw new Error('went past the write cursor');
            before = head;
            for (const body of batchBodies(pair.consumer)) {
              if (body.length > pair.consumer.bytes.length) throw new Error('outside');
            }
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('a region of the smallest ring', () => {
  it('gets a private buffer of half the ring', () => {
    const consumer = new RingConsumer(memoryRegion(), memoryRegion().words);
    expect(consumer.bytes.length).toBe(SMALL_RING_BYTES / 2);
  });
});
