import { alignRecord } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  SMALL_RING_BYTES,
  batchBodies,
  bodyOf,
  receiveAll,
  ringPair,
  send,
  type RingPair,
} from '../test/support/ring-pair.js';

describe('a ring', () => {
  it('carries bodies of every length it can', () => {
    const { producer, consumer } = ringPair();
    for (let length = 0; length <= producer.recordBytesMax; length++) {
      const body = bodyOf(length, length);
      if (!send(producer, body)) throw new Error(`no room for ${length} bytes`);
      const [received, ...more] = receiveAll(consumer);
      if (received === undefined || more.length > 0) throw new Error(`wrong count at ${length}`);
      if (Buffer.compare(received, body) !== 0) throw new Error(`wrong bytes at ${length}`);
    }
  });

  it('carries bodies of every length from every position, over the wrap at 2^32', () => {
    const { producer, consumer } = ringPair(SMALL_RING_BYTES, 2 ** 32 - 512 * SMALL_RING_BYTES);
    // 8 and 4096 + 8 share no other step: all positions of the ring come up.
    for (let index = 0; index < 4096; index++) {
      const body = bodyOf(index, (index * 13) % (producer.recordBytesMax + 1));
      if (!send(producer, body)) throw new Error(`no room at ${index}`);
      const [received] = receiveAll(consumer);
      if (received === undefined || Buffer.compare(received, body) !== 0) {
        throw new Error(`wrong bytes at ${index}`);
      }
    }
    expect(producer.tail % 2 ** 32).toBeLessThan(2 ** 31); // It did wrap.
  });

  it('delivers what fitted, in order, when it is filled again and again', () => {
    const { producer, consumer } = ringPair();
    let sent = 0;
    let received = 0;
    for (let round = 0; round < 50; round++) {
      while (send(producer, bodyOf(sent, (sent * 37) % 500))) sent++;
      for (const body of receiveAll(consumer)) {
        expect(Buffer.compare(body, bodyOf(received, (received * 37) % 500))).toBe(0);
        received++;
      }
    }
    expect(received).toBe(sent);
  });
});

/** Steps of the model: what a sender and a receiver may do. */
type Step =
  | { readonly kind: 'send'; readonly claimBytes: number; readonly lengthBytes: number }
  | { readonly kind: 'abort'; readonly claimBytes: number }
  | { readonly kind: 'wait'; readonly claimBytes: number }
  | { readonly kind: 'copy' }
  | { readonly kind: 'drain' };

const BODY_BYTES_MAX = SMALL_RING_BYTES / 2 - 8;

const claimBytes = fc.oneof(
  fc.nat(64),
  fc.nat(BODY_BYTES_MAX),
  fc.constantFrom(0, 1, 8, BODY_BYTES_MAX - 1, BODY_BYTES_MAX),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      claimBytes,
      lengthBytes: claimBytes,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), claimBytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), claimBytes }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'copy' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'drain' as const }) },
);

const startCursor = fc.oneof(
  fc.nat(511).map((steps) => steps * 8),
  fc.nat(2000).map((steps) => 2 ** 32 - 8 * (steps + 1)),
  fc.constantFrom(0, 2 ** 31 - 8, 2 ** 31),
);

/** The ring beside a queue that is obviously right. */
class Model {
  readonly pair: RingPair;
  readonly queue: Uint8Array[] = [];
  #seed = 0;

  constructor(start: number) {
    this.pair = ringPair(SMALL_RING_BYTES, start);
  }

  run(next: Step): void {
    const { producer, consumer } = this.pair;
    switch (next.kind) {
      case 'send':
        this.#send(next.claimBytes, next.lengthBytes);
        return;
      case 'abort':
        if (producer.tryClaim(next.claimBytes)) {
          producer.bytes.fill(0xaa, producer.offset, producer.limit);
        }
        return;
      case 'wait':
        producer.waitForSpace(next.claimBytes);
        producer.stopWaiting();
        return;
      case 'copy':
        if (consumer.copyBatch()) this.#expectHead(batchBodies(consumer));
        return;
      case 'drain':
        this.#expectHead(receiveAll(consumer));
        if (this.queue.length > 0) throw new Error('records are missing');
        // An empty ring has room for anything that is allowed.
        if (!producer.tryClaim(BODY_BYTES_MAX)) throw new Error('no room in an empty ring');
    }
  }

  #send(claim: number, length: number): void {
    const { producer } = this.pair;
    if (!producer.tryClaim(claim)) {
      const waiting = this.queue.reduce((sum, body) => sum + alignRecord(8 + body.length), 0);
      // Padding can cost as much as the record itself, and no more.
      const free = SMALL_RING_BYTES - waiting;
      if (free >= 2 * alignRecord(8 + claim) + 2 * BODY_BYTES_MAX) throw new Error('refused');
      return;
    }
    const room = Math.min(producer.limit - producer.offset, BODY_BYTES_MAX);
    if (room < claim) throw new Error(`claim of ${claim} bytes has room for ${room} bytes`);
    const body = bodyOf(this.#seed++, Math.min(length, room));
    producer.bytes.set(body, producer.offset);
    producer.commit(body.length);
    this.queue.push(body);
  }

  #expectHead(bodies: readonly Uint8Array[]): void {
    for (const body of bodies) {
      const wanted = this.queue.shift();
      if (wanted === undefined || Buffer.compare(wanted, body) !== 0) {
        throw new Error('records came wrong or out of order');
      }
    }
  }
}

describe('a ring beside a queue', () => {
  it('behaves the same for every sequence of claims, lengths and drains', () => {
    fc.assert(
      fc.property(startCursor, fc.array(step, { maxLength: 60, size: 'max' }), (start, steps) => {
        const model = new Model(start);
        for (const next of steps) model.run(next);
        model.run({ kind: 'drain' });
      }),
      { numRuns: 2000 },
    );
  });

  it('is told from a ring that loses a record', () => {
    const broken = (): void =>
      fc.assert(
        fc.property(startCursor, fc.array(step, { maxLength: 60, size: 'max' }), (start, steps) => {
          const model = new Model(start);
          const { consumer } = model.pair;
          const next = consumer.next.bind(consumer);
          let calls = 0;
          consumer.next = () => (++calls % 17 === 0 ? -1 : next()); // The planted bug.
          for (const one of steps) model.run(one);
          model.run({ kind: 'drain' });
        }),
        { numRuns: 500 },
      );
    expect(broken).toThrow(/Property failed/);
  });
});
