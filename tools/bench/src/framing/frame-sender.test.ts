import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { createBatchedSender } from './batched-sender.js';
import { createDirectSender } from './direct-sender.js';
import { FrameDecoder } from './frame-decoder.js';
import type { FrameSink } from './frame-sender.js';

/** Keeps what was written, as a socket that is slow to send does. */
class RecordingSink implements FrameSink {
  readonly writes: Uint8Array[] = [];

  write(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    return true;
  }

  cork(): void {}

  uncork(): void {}

  frames(): [number, Buffer][] {
    const found: [number, Buffer][] = [];
    const decoder = new FrameDecoder((id, body) => found.push([id, body]));
    for (const bytes of this.writes) decoder.push(Buffer.from(bytes));
    return found;
  }
}

const bodyOf = (id: number, bytes: number): Buffer => Buffer.alloc(bytes, id & 0xff);

const isWrong = ([id, body]: [number, Buffer]): boolean => !body.equals(bodyOf(id, body.length));

describe.each([
  ['createDirectSender()', createDirectSender],
  ['createBatchedSender()', createBatchedSender],
])('%s', (_, createSender) => {
  it('sends bodies of all lengths in order', async () => {
    const lengths = [0, 1, 64, 1024, 65_535, 65_536, 65_537, 300_000, 5, 70_000, 64];
    const sink = new RecordingSink();
    const sender = createSender(sink);
    lengths.forEach((bytes, id) => sender.send(id, bodyOf(id, bytes)));
    await nextTurn();
    expect(sink.frames().map(([id, body]) => [id, body.length])).toEqual([...lengths.entries()]);
    expect(sink.frames().filter(isWrong)).toEqual([]);
  });
});

describe('createDirectSender()', () => {
  it('writes each frame on its own, at once', () => {
    const sink = new RecordingSink();
    const sender = createDirectSender(sink);
    for (let id = 0; id < 3; id++) sender.send(id, bodyOf(id, 64));
    expect(sink.writes).toHaveLength(3);
  });
});

describe('createBatchedSender()', () => {
  it('joins the frames of one turn, those sent from microtasks too', async () => {
    const sink = new RecordingSink();
    const sender = createBatchedSender(sink);
    sender.send(1, bodyOf(1, 64));
    await Promise.resolve();
    sender.send(2, bodyOf(2, 64));
    await Promise.resolve();
    sender.send(3, bodyOf(3, 64));
    await nextTurn();
    expect(sink.writes).toHaveLength(1);
    sender.send(4, bodyOf(4, 64));
    await nextTurn();
    expect(sink.writes).toHaveLength(2);
  });

  it('does not overwrite what the socket still holds', async () => {
    const sink = new RecordingSink();
    const sender = createBatchedSender(sink);
    for (let turn = 0; turn < 40; turn++) {
      for (let index = 0; index < 50; index++) sender.send(turn, bodyOf(turn, 1024));
      await nextTurn();
    }
    const frames = sink.frames();
    expect(frames).toHaveLength(2000);
    expect(frames.filter(isWrong)).toEqual([]);
  });
});
