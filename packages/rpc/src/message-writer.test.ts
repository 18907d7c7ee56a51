import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { anySteps, anyText, spaceOf, write, type Step } from '../test/support/writer-steps.js';
import { MessageWriter } from './message-writer.js';

function stockBytes(steps: readonly Step[]): Buffer {
  const writer = new BinaryWriter();
  write(writer, steps);
  return Buffer.from(writer.finish());
}

/** What the writer makes in a claim of so many bytes, or on the heap. */
function ownBytes(writer: MessageWriter, steps: readonly Step[], roomBytes?: number): Buffer {
  const space = roomBytes === undefined ? undefined : spaceOf(24, roomBytes);
  writer.begin(space);
  write(writer, steps);
  const { lengthBytes } = writer;
  const inPlace = space !== undefined && writer.isInPlace;
  const made = inPlace
    ? Buffer.from(space.bytes.slice(space.offset, writer.end))
    : Buffer.concat(writer.takeParts());
  if (made.length !== lengthBytes) throw new Error(`lengthBytes is ${lengthBytes}`);
  if (space !== undefined) {
    const outside = [...space.bytes.subarray(0, 24), ...space.bytes.subarray(space.limit)];
    if (outside.some((byte) => byte !== 0xc5)) throw new Error('wrote outside its claim');
  }
  return made;
}

function expectSame(made: Buffer, wanted: Buffer): void {
  if (!made.equals(wanted)) {
    throw new Error(
      `${made.toString('hex').slice(0, 400)}\n${wanted.toString('hex').slice(0, 400)}`,
    );
  }
}

describe('MessageWriter', () => {
  it('writes what the stock writer writes, on the heap', () => {
    const writer = new MessageWriter();
    fc.assert(
      fc.property(anySteps, (steps) => expectSame(ownBytes(writer, steps), stockBytes(steps))),
      { numRuns: 500 },
    );
  });

  it('writes what the stock writer writes, in a claim of any size', () => {
    const writer = new MessageWriter();
    const room = fc.oneof(fc.nat(400), fc.nat(5000), fc.nat(200_000));
    fc.assert(
      fc.property(anySteps, room, (steps, roomBytes) => {
        expectSame(ownBytes(writer, steps, roomBytes), stockBytes(steps));
      }),
      { numRuns: 1000 },
    );
  });

  it('writes the same wherever it outgrows its claim', () => {
    const steps: Step[] = [
      { method: 'tag', value: [1, 2] },
      { method: 'fork' },
      { method: 'string', value: 'short' },
      { method: 'fork' },
      { method: 'string', value: 'é'.repeat(70) },
      { method: 'int32', value: -5 },
      { method: 'fork' },
      { method: 'double', value: 1.5 },
      { method: 'bytes', value: new Uint8Array(150).fill(3) },
      { method: 'join' },
      { method: 'string', value: '😀'.repeat(20) },
      { method: 'join' },
      { method: 'join' },
      { method: 'uint64', value: 2n ** 64n - 1n },
    ];
    const wanted = stockBytes(steps);
    const writer = new MessageWriter();
    for (let room = 0; room <= wanted.length + 40; room++) {
      expectSame(ownBytes(writer, steps, room), wanted);
    }
  });

  it('writes the same when a large value comes at every depth', () => {
    const large: Step = { method: 'bytes', value: new Uint8Array(50_000).fill(9) };
    for (let depth = 0; depth <= 20; depth++) {
      const forks: Step[] = Array.from({ length: depth }, () => ({ method: 'fork' }));
      const steps = [...forks, large, { method: 'uint32', value: 7 } as const];
      for (const room of [0, 10, 1000, 60_000]) {
        expectSame(ownBytes(new MessageWriter(), steps, room), stockBytes(steps));
      }
    }
  });

  it('is in place exactly when all fitted', () => {
    const writer = new MessageWriter();
    writer.begin(spaceOf(8, 1000));
    write(writer, [{ method: 'string', value: 'x'.repeat(500) }]);
    expect(writer.isInPlace).toBe(true);
    write(writer, [{ method: 'string', value: 'x'.repeat(500) }]);
    expect(writer.isInPlace).toBe(false);
  });

  it('keeps a large value by reference once it has left its claim', () => {
    const value = new Uint8Array(100_000);
    const writer = new MessageWriter();
    writer.begin(spaceOf(8, 100));
    write(writer, [
      { method: 'uint32', value: 1 },
      { method: 'bytes', value },
    ]);
    expect(writer.takeParts()).toContain(value);
  });

  it('copies a value that fits its claim', () => {
    const value = new Uint8Array(100).fill(1);
    const space = spaceOf(8, 1000);
    const writer = new MessageWriter();
    writer.begin(space);
    write(writer, [{ method: 'bytes', value }]);
    value.fill(2);
    expect(space.bytes[9]).toBe(1);
  });

  it('forgets a message that was not finished', () => {
    const writer = new MessageWriter();
    writer.begin(undefined);
    writer.fork().string('x'.repeat(10_000)).bytes(new Uint8Array(10_000));
    expectSame(ownBytes(writer, [{ method: 'uint32', value: 1 }]), Buffer.of(1));
    expect(() => writer.join()).toThrow(/no sub-message/);
  });

  it('goes on after a value that it refused', () => {
    const writer = new MessageWriter();
    writer.begin(spaceOf(8, 100));
    writer.uint32(5);
    expect(() => writer.uint32(-1)).toThrow('value is -1');
    writer.uint32(6);
    expect(writer.end).toBe(10);
  });
});

describe('finish()', () => {
  it('gives the message in one piece, wherever it is', () => {
    fc.assert(
      fc.property(anySteps, fc.option(fc.nat(500)), (steps, room) => {
        const writer = new MessageWriter();
        writer.begin(room === null ? undefined : spaceOf(16, room));
        write(writer, steps);
        expectSame(Buffer.from(writer.finish()), stockBytes(steps));
      }),
      { numRuns: 100 },
    );
  });
});

describe('rawUint32()', () => {
  it('writes four bytes, little-endian', () => {
    const writer = new MessageWriter();
    writer.begin(undefined);
    writer.rawUint32(0x01020304).rawUint32(0xffffffff);
    expect(Buffer.from(writer.finish()).toString('hex')).toBe('04030201ffffffff');
  });
});

describe('string()', () => {
  it('writes any text as the stock writer does', () => {
    const writer = new MessageWriter();
    fc.assert(
      fc.property(anyText, fc.nat(600), (value, room) => {
        const steps: Step[] = [{ method: 'string', value }];
        expectSame(ownBytes(writer, steps, room), stockBytes(steps));
      }),
      { numRuns: 1500 },
    );
  });
});

describe('values out of range', () => {
  const REFUSAL = /invalid|Cannot encode|cannot be converted|Cannot convert/;
  const REFUSED = [
    ['uint32', -1],
    ['uint32', 2 ** 32],
    ['uint32', 1.5],
    ['uint32', NaN],
    ['fixed32', -1],
    ['fixed32', 2 ** 32],
    ['fixed32', 0.5],
    ['int32', 2 ** 31],
    ['int32', -(2 ** 31) - 1],
    ['int32', 1.5],
    ['int32', NaN],
    ['sint32', 2 ** 31],
    ['sfixed32', 2 ** 31],
    ['sfixed32', NaN],
    ['float', 3.5e38],
    ['float', -3.5e38],
    ['float', Number.MAX_VALUE],
    ['uint64', -1n],
    ['uint64', 2n ** 64n],
    ['fixed64', 2n ** 64n],
    ['uint64', 1.5],
    ['int64', 2n ** 63n],
    ['sint64', -(2n ** 63n) - 1n],
    ['sfixed64', 2n ** 63n],
    ['int64', 'nonsense'],
  ] as const;

  it.each(REFUSED)('%s refuses %s, as the stock writer does', (method, value) => {
    const call = (writer: BinaryWriter): unknown =>
      (writer[method] as (value: unknown) => unknown).call(writer, value);
    const own = new MessageWriter();
    own.begin(undefined);
    expect(() => call(new BinaryWriter())).toThrow(REFUSAL);
    expect(() => call(own)).toThrow(REFUSAL);
  });

  it('float takes what rounds to the largest float, as the stock writer does', () => {
    // Half a unit over the largest float still rounds down to it.
    const value = 3.402823466385289e38;
    expectSame(
      ownBytes(new MessageWriter(), [{ method: 'float', value }]),
      stockBytes([{ method: 'float', value }]),
    );
    const rounded = 3.4028235e38;
    expectSame(
      ownBytes(new MessageWriter(), [{ method: 'float', value: rounded }]),
      stockBytes([{ method: 'float', value: rounded }]),
    );
  });
});
