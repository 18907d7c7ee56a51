/*
 * Threat: the bytes of a stream come from another process. Records may be cut anywhere, lengths and
 * kinds may be anything: only PROTOCOL_ERROR may come out, and no buffer larger than the limit.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Recorder, codeOf } from '../test/support/recorder.js';
import { RecordStream } from './record-stream.js';

const LIMIT = { recordBytesMax: 1000 };

function record(body: readonly number[]): Buffer {
  const bytes = Buffer.alloc((8 + body.length + 7) & -8);
  bytes.writeUInt32LE(8 + body.length, 0);
  bytes.writeUInt32LE(1, 4);
  bytes.set(body, 8);
  return bytes;
}

function header(length: number, kind: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length >>> 0, 0);
  bytes.writeUInt32LE(kind >>> 0, 4);
  return bytes;
}

function stream(): { readonly sees: Recorder; readonly records: RecordStream } {
  const sees = new Recorder();
  return { sees, records: new RecordStream(sees, LIMIT) };
}

const BODIES = [[1], [], [2, 2, 2, 2, 2, 2, 2, 2], Array.from({ length: 45 }, () => 3), [4, 4, 4]];

describe('push()', () => {
  it('delivers records that are cut in two at every position', () => {
    const bytes = Buffer.concat(BODIES.map(record));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { sees, records } = stream();
      records.push(bytes.subarray(0, cut));
      records.push(bytes.subarray(cut));
      expect(sees.records).toEqual(BODIES);
    }
  });

  it('delivers records that are cut in three at every pair of positions', () => {
    const bytes = Buffer.concat(BODIES.slice(0, 3).map(record));
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const { sees, records } = stream();
        records.push(bytes.subarray(0, first));
        records.push(bytes.subarray(first, second));
        records.push(bytes.subarray(second));
        expect(sees.records).toEqual(BODIES.slice(0, 3));
      }
    }
  });

  it('delivers records that come byte by byte', () => {
    const { sees, records } = stream();
    for (const byte of Buffer.concat(BODIES.map(record))) records.push(Uint8Array.of(byte));
    expect(sees.records).toEqual(BODIES);
  });

  it('delivers any records in any pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(255), { maxLength: 100 }), { maxLength: 10 }),
        fc.array(fc.nat(1200), { maxLength: 10 }),
        (bodies, cuts) => {
          const bytes = Buffer.concat(bodies.map(record));
          const { sees, records } = stream();
          let from = 0;
          for (const cut of [...cuts, bytes.length].toSorted((a, b) => a - b)) {
            records.push(bytes.subarray(from, Math.min(cut, bytes.length)));
            from = Math.min(cut, bytes.length);
          }
          expect(sees.records).toEqual(bodies);
        },
      ),
    );
  });

  it('delivers before the piece with the next record has come', () => {
    const { sees, records } = stream();
    records.push(Buffer.concat([record([1]), record([2]).subarray(0, 8)]));
    expect(sees.records).toEqual([[1]]);
  });

  it('does not wait for the bytes that fill a record up', () => {
    const { sees, records } = stream();
    records.push(record([1]).subarray(0, 9));
    expect(sees.records).toEqual([[1]]);
    records.push(record([1]).subarray(9, 12));
    records.push(Buffer.concat([record([1]).subarray(12), record([2]).subarray(0, 4)]));
    expect(sees.records).toEqual([[1]]);
    records.push(record([2]).subarray(4));
    records.push(record([3]));
    expect(sees.records).toEqual([[1], [2], [3]]);
  });

  it('takes the longest record that may be', () => {
    const body = Array.from({ length: LIMIT.recordBytesMax }, () => 7);
    for (const cut of [3, 8, 500]) {
      const { sees, records } = stream();
      records.push(record(body).subarray(0, cut));
      records.push(record(body).subarray(cut));
      expect(sees.records).toEqual([body]);
    }
  });

  it('goes on after a handler that threw', () => {
    const { sees, records } = stream();
    sees.onEach = () => {
      sees.onEach = undefined;
      throw new Error('planted');
    };
    const bytes = record([1, 2]);
    records.push(bytes.subarray(0, 4));
    expect(() => records.push(bytes.subarray(4))).toThrow('planted');
    records.push(record([3]));
    expect(sees.records).toEqual([[1, 2], [3]]);
  });
});

describe('a header that lies', () => {
  const LIES = [
    ['length 0', header(0, 1)],
    ['length 7', header(7, 1)],
    ['a length over the limit', header(8 + LIMIT.recordBytesMax + 1, 1)],
    ['length 2^31', header(2 ** 31, 1)],
    ['length 2^32 − 8', header(2 ** 32 - 8, 1)],
    ['length 2^32 − 1', header(2 ** 32 - 1, 1)],
    ['kind 0', header(16, 0)],
    ['padding', header(16, 2)],
    ['an unknown kind', header(16, 3)],
    ['a reserved bit', header(16, 0x10001)],
  ] as const;

  it.each(LIES)('throws PROTOCOL_ERROR for %s', (_, bytes) => {
    const { sees, records } = stream();
    expect(codeOf(() => records.push(Buffer.concat([record([1]), bytes])))).toBe('PROTOCOL_ERROR');
    expect(sees.records).toEqual([[1]]);
  });

  it.each(LIES)('throws PROTOCOL_ERROR for %s, cut in two', (_, bytes) => {
    for (let cut = 1; cut < 8; cut++) {
      const { records } = stream();
      records.push(bytes.subarray(0, cut));
      expect(codeOf(() => records.push(bytes.subarray(cut)))).toBe('PROTOCOL_ERROR');
    }
  });

  it('throws PROTOCOL_ERROR at the largest limit that a port can have', () => {
    // 2 GiB − 1 of user data and the headers before it: a length over 2^31 must not turn negative.
    const sees = new Recorder();
    const records = new RecordStream(sees, { recordBytesMax: 0x7fffffff + 48 });
    const bytes = Buffer.concat([header(2 ** 31, 1), Buffer.alloc(64)]);
    expect(codeOf(() => records.push(bytes))).toBe('PROTOCOL_ERROR');
    expect(sees.records).toEqual([]);
  });

  it('brings out nothing but PROTOCOL_ERROR for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (pieces) => {
        const { records } = stream();
        for (const piece of pieces) {
          const code = codeOf(() => records.push(piece));
          if (code === 'PROTOCOL_ERROR') return;
          expect(code).toBe('nothing thrown');
        }
      }),
    );
  });
});
