import { RECORD_KIND, RECORD_OFFSET, isPortError } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import {
  SMALL_RING_BYTES,
  WORD,
  bodyOf,
  receiveAll,
  ringPair,
  send,
  wordOf,
} from '../test/support/ring-pair.js';

/** Longest body of a ring of 4 KiB. */
const BODY_BYTES_MAX = SMALL_RING_BYTES / 2 - 8;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : String(error);
  }
  return 'nothing thrown';
}

describe('tryClaim()', () => {
  it('gives an aligned claim with at least the wanted room', () => {
    const { producer } = ringPair();
    expect(producer.tryClaim(100)).toBe(true);
    expect(producer.offset % 8).toBe(0);
    expect(producer.limit - producer.offset).toBeGreaterThanOrEqual(100);
  });

  it('gives room for the longest body wherever the cursor stands', () => {
    for (let cursor = 0; cursor < SMALL_RING_BYTES; cursor += 8) {
      const { producer, consumer } = ringPair(SMALL_RING_BYTES, cursor);
      const body = bodyOf(cursor, BODY_BYTES_MAX);
      if (!send(producer, body)) throw new Error(`no room at ${cursor}`);
      expect(Buffer.compare(receiveAll(consumer)[0]!, body)).toBe(0);
    }
  });

  it('throws RangeError for a body over the limit', () => {
    const { producer } = ringPair();
    expect(producer.recordBytesMax).toBe(BODY_BYTES_MAX);
    expect(() => producer.tryClaim(BODY_BYTES_MAX + 1)).toThrow(RangeError);
  });

  it('never offers more than a record may hold', () => {
    const { producer } = ringPair();
    producer.tryClaim(0);
    expect(producer.limit - producer.offset).toBeLessThanOrEqual(producer.recordBytesMax);
  });

  it('returns false when the ring is full', () => {
    const { producer } = ringPair();
    expect(send(producer, bodyOf(1, BODY_BYTES_MAX))).toBe(true);
    expect(send(producer, bodyOf(2, BODY_BYTES_MAX))).toBe(true);
    expect(producer.tryClaim(0)).toBe(false);
  });

  it('finds the room that the reader has made', () => {
    const { producer, consumer } = ringPair();
    send(producer, bodyOf(1, BODY_BYTES_MAX));
    send(producer, bodyOf(2, BODY_BYTES_MAX));
    consumer.copyBatch();
    expect(producer.tryClaim(BODY_BYTES_MAX)).toBe(true);
  });

  it('uses the last byte of the ring', () => {
    const { producer, consumer } = ringPair();
    for (let index = 0; index < SMALL_RING_BYTES / 16; index++) {
      expect(send(producer, bodyOf(index, 8))).toBe(true);
    }
    expect(producer.tryClaim(0)).toBe(false);
    expect(receiveAll(consumer)).toHaveLength(SMALL_RING_BYTES / 16);
  });

  it('pads to the end of the ring when the record does not fit there', () => {
    const { producer, consumer, writer } = ringPair(SMALL_RING_BYTES, SMALL_RING_BYTES - 16);
    expect(producer.tryClaim(16)).toBe(true);
    expect(producer.offset).toBe(8);
    producer.commit(16);
    const view = new DataView(writer.mapping, SMALL_RING_BYTES + SMALL_RING_BYTES - 16);
    expect(view.getUint32(RECORD_OFFSET.LENGTH, true)).toBe(16);
    expect(view.getUint32(RECORD_OFFSET.KIND, true)).toBe(RECORD_KIND.PADDING);
    expect(receiveAll(consumer)).toHaveLength(1);
  });

  it('leaves no padding when the record ends exactly at the end', () => {
    const { producer } = ringPair(SMALL_RING_BYTES, SMALL_RING_BYTES - 24);
    producer.tryClaim(16);
    expect(producer.offset).toBe(SMALL_RING_BYTES - 16);
    producer.commit(16);
    expect(producer.tail).toBe(SMALL_RING_BYTES);
  });

  it('publishes nothing when it is not committed', () => {
    const { producer, consumer, writer } = ringPair(SMALL_RING_BYTES, SMALL_RING_BYTES - 16);
    producer.tryClaim(1000);
    producer.bytes.fill(0xff, producer.offset, producer.limit);
    expect(wordOf(writer, WORD.OUT_TAIL)).toBe(SMALL_RING_BYTES - 16);
    expect(consumer.hasRecords()).toBe(false);
    expect(send(producer, bodyOf(1, 8))).toBe(true);
    expect(receiveAll(consumer)).toEqual([bodyOf(1, 8)]);
    expect(wordOf(writer, WORD.OUT_TAIL)).toBe(SMALL_RING_BYTES);
  });

  it('continues over the wrap of the cursor at 2^32', () => {
    const start = 2 ** 32 - 64;
    const { producer, consumer, writer } = ringPair(SMALL_RING_BYTES, start);
    for (let index = 0; index < 20; index++) {
      expect(send(producer, bodyOf(index, 24))).toBe(true);
      expect(receiveAll(consumer)).toEqual([bodyOf(index, 24)]);
    }
    expect(wordOf(writer, WORD.OUT_TAIL)).toBe(20 * 32 - 64);
  });

  it('keeps room and order over the wrap when the reader lags', () => {
    const { producer, consumer } = ringPair(SMALL_RING_BYTES, 2 ** 32 - SMALL_RING_BYTES / 2);
    expect(send(producer, bodyOf(1, BODY_BYTES_MAX))).toBe(true);
    expect(producer.tail % 2 ** 32).toBe(0);
    expect(send(producer, bodyOf(2, BODY_BYTES_MAX))).toBe(true);
    expect(producer.tryClaim(0)).toBe(false);
    expect(receiveAll(consumer)).toEqual([bodyOf(1, BODY_BYTES_MAX), bodyOf(2, BODY_BYTES_MAX)]);
  });
});

describe('commit()', () => {
  it.each([0, 1, 7, 8, 9, 100])('sends a body of %i bytes of a larger claim', (lengthBytes) => {
    const { producer, consumer } = ringPair();
    producer.tryClaim(100);
    producer.bytes.set(bodyOf(3, lengthBytes), producer.offset);
    producer.commit(lengthBytes);
    expect(receiveAll(consumer)).toEqual([bodyOf(3, lengthBytes)]);
  });
});

describe('a read cursor that lies', () => {
  // Threat: the reader's region is the peer's. A false cursor must not make us overwrite records
  // that it has not read, count unread records as read, or write outside the ring.
  const full = (start = 0): ReturnType<typeof ringPair> => {
    const pair = ringPair(SMALL_RING_BYTES, start);
    send(pair.producer, bodyOf(1, BODY_BYTES_MAX));
    send(pair.producer, bodyOf(2, BODY_BYTES_MAX));
    return pair;
  };
  it.each([
    ['beyond what was written', 8],
    ['backwards', -8 - SMALL_RING_BYTES],
    ['misaligned', 4 - SMALL_RING_BYTES],
    ['half the number space ahead', 2 ** 31],
    ['at the largest number', -1 - SMALL_RING_BYTES],
  ])('ends the connection when it is %s', (_, distance) => {
    for (const start of [0, 2 ** 32 - 4096, 2 ** 32 - 2048]) {
      const { producer, reader } = full(start);
      Atomics.store(reader.words, WORD.IN_HEAD, (start + SMALL_RING_BYTES + distance) | 0);
      expect(codeOf(() => producer.tryClaim(0))).toBe('PROTOCOL_ERROR');
      expect(codeOf(() => producer.wasConsumed(producer.tail))).toBe('PROTOCOL_ERROR');
    }
  });

  it('ends the connection when it goes back to an earlier good value', () => {
    const { producer, consumer, reader } = full();
    consumer.copyBatch();
    producer.tryClaim(0);
    send(producer, bodyOf(3, BODY_BYTES_MAX));
    Atomics.store(reader.words, WORD.IN_HEAD, 0);
    expect(codeOf(() => producer.tryClaim(BODY_BYTES_MAX))).toBe('PROTOCOL_ERROR');
  });

  it('does not make freeze() throw, and then counts nothing as unread', () => {
    const { producer, reader } = full();
    Atomics.store(reader.words, WORD.IN_HEAD, 12345);
    producer.freeze();
    expect(producer.wasConsumed(producer.tail)).toBe(true);
  });
});

describe('waitForSpace()', () => {
  it('marks the wait with an odd epoch and looks once more', () => {
    const { producer, consumer, writer } = ringPair();
    send(producer, bodyOf(1, BODY_BYTES_MAX));
    send(producer, bodyOf(2, BODY_BYTES_MAX));
    expect(producer.waitForSpace(8)).toBe(false);
    expect(wordOf(writer, WORD.SPACE_EPOCH)).toBe(1);
    expect(producer.waitForSpace(8)).toBe(false);
    expect(wordOf(writer, WORD.SPACE_EPOCH)).toBe(1);
    consumer.copyBatch();
    expect(producer.waitForSpace(8)).toBe(true);
  });

  it('leaves no mark when there was room: the next wait would have no bell', () => {
    const { producer, writer } = ringPair();
    expect(producer.waitForSpace(8)).toBe(true);
    expect(wordOf(writer, WORD.SPACE_EPOCH) & 1).toBe(0);
  });

  it('leaves the mark of another wait', () => {
    const { producer, writer } = ringPair();
    producer.announceWait();
    expect(producer.waitForSpace(8)).toBe(true);
    expect(wordOf(writer, WORD.SPACE_EPOCH)).toBe(1);
  });

  it('is ended by stopWaiting(), with a new epoch for the next wait', () => {
    const { producer, writer } = ringPair();
    producer.stopWaiting();
    expect(wordOf(writer, WORD.SPACE_EPOCH)).toBe(0);
    producer.announceWait();
    producer.stopWaiting();
    producer.stopWaiting();
    expect(wordOf(writer, WORD.SPACE_EPOCH)).toBe(2);
    producer.announceWait();
    expect(wordOf(writer, WORD.SPACE_EPOCH)).toBe(3);
  });
});

describe('wasConsumed()', () => {
  it('is false until the reader has copied the record out', () => {
    const { producer, consumer } = ringPair();
    send(producer, bodyOf(1, 8));
    const first = producer.tail;
    expect(producer.wasConsumed(first)).toBe(false);
    consumer.copyBatch();
    send(producer, bodyOf(2, 8));
    expect(producer.wasConsumed(first)).toBe(true);
    expect(producer.wasConsumed(producer.tail)).toBe(false);
  });

  it('answers for every record across the wrap at 2^32', () => {
    const { producer, consumer } = ringPair(SMALL_RING_BYTES, 2 ** 32 - 40);
    const marks: number[] = [];
    for (let index = 0; index < 4; index++) {
      send(producer, bodyOf(index, 8));
      marks.push(producer.tail);
    }
    expect(marks.map((mark) => producer.wasConsumed(mark))).toEqual([false, false, false, false]);
    consumer.copyBatch(); // Up to the end of the ring.
    expect(marks.map((mark) => producer.wasConsumed(mark))).toEqual([true, true, false, false]);
    receiveAll(consumer);
    send(producer, bodyOf(9, 8));
    expect(marks.map((mark) => producer.wasConsumed(mark))).toEqual([true, true, true, true]);
  });

  it('still knows a record after 4 GiB of others', () => {
    const ringBytes = 16 * 1024 * 1024;
    const { producer, reader } = ringPair(ringBytes);
    const sendHalf = (): void => {
      expect(producer.tryClaim(producer.recordBytesMax)).toBe(true);
      producer.commit(producer.recordBytesMax);
    };
    sendHalf();
    const mark = producer.tail;
    Atomics.store(reader.words, WORD.IN_HEAD, mark);
    for (let sent = ringBytes / 2; sent < 2 ** 32; sent += ringBytes / 2) {
      sendHalf();
      Atomics.store(reader.words, WORD.IN_HEAD, producer.tail | 0);
    }
    // Two that nobody has read: modulo 2^32, the mark lies between them.
    sendHalf();
    sendHalf();
    expect(producer.wasConsumed(mark)).toBe(true);
  });

  it('is answered from the last good cursor after freeze()', () => {
    const { producer, consumer, reader } = ringPair();
    send(producer, bodyOf(1, 8));
    const first = producer.tail;
    consumer.copyBatch();
    send(producer, bodyOf(2, 8));
    producer.freeze();
    reader.words.fill(0); // What revoked memory looks like.
    producer.freeze();
    expect(producer.wasConsumed(first)).toBe(true);
    expect(producer.wasConsumed(producer.tail)).toBe(false);
  });
});
