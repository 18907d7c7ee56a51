import {
  RECORD_HEADER_BYTES,
  RECORD_OFFSET,
  REGION_HEADER_BYTES,
  REGION_OFFSET,
} from '@portcall/wire';

import type { Region } from '../../src/region.js';
import { RingConsumer } from '../../src/ring-consumer.js';
import { RingProducer } from '../../src/ring-producer.js';

/** Index of a header word. */
export const WORD = {
  OUT_TAIL: REGION_OFFSET.OUT_TAIL / 4,
  IN_HEAD: REGION_OFFSET.IN_HEAD / 4,
  SLEEP_EPOCH: REGION_OFFSET.SLEEP_EPOCH / 4,
  SPACE_EPOCH: REGION_OFFSET.SPACE_EPOCH / 4,
  SECTIONS_CONSUMED: REGION_OFFSET.SECTIONS_CONSUMED / 4,
} as const;

/** Smallest ring there is. */
export const SMALL_RING_BYTES = 4096;

/** A region in plain memory. */
export function memoryRegion(ringBytes = SMALL_RING_BYTES): Region {
  const mapping = new ArrayBuffer(REGION_HEADER_BYTES + ringBytes);
  return { mapping, words: new Int32Array(mapping, 0, REGION_HEADER_BYTES / 4), ringBytes };
}

/** Both ends of one ring, and the memory between them. */
export interface RingPair {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  /** The writer's region: write cursor and records. */
  readonly writer: Region;
  /** The reader's region: read cursor. */
  readonly reader: Region;
}

/** A ring in plain memory; both cursors begin at `startCursor`. */
export function ringPair(ringBytes = SMALL_RING_BYTES, startCursor = 0): RingPair {
  const writer = memoryRegion(ringBytes);
  const reader = memoryRegion(ringBytes);
  Atomics.store(writer.words, WORD.OUT_TAIL, startCursor);
  Atomics.store(reader.words, WORD.IN_HEAD, startCursor);
  const producer = new RingProducer(writer, reader.words, startCursor);
  const consumer = new RingConsumer(writer, reader.words, startCursor);
  return { producer, consumer, writer, reader };
}

/** Body that tells one record from another: `lengthBytes` bytes made of `seed`. */
export function bodyOf(seed: number, lengthBytes: number): Uint8Array {
  const body = new Uint8Array(lengthBytes);
  for (let index = 0; index < lengthBytes; index++)
    body[index] = (seed * 31 + index * 7 + 1) & 0xff;
  return body;
}

/** Claims, writes and commits a body. @returns false when there is no room */
export function send(producer: RingProducer, body: Uint8Array): boolean {
  if (!producer.tryClaim(body.length)) return false;
  producer.bytes.set(body, producer.offset);
  producer.commit(body.length);
  return true;
}

/** Bodies of the batch that was copied last. */
export function batchBodies(consumer: RingConsumer): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = consumer.next(); at >= 0; at = consumer.next()) {
    const recordBytes = consumer.view.getUint32(at + RECORD_OFFSET.LENGTH, true);
    bodies.push(consumer.bytes.slice(at + RECORD_HEADER_BYTES, at + recordBytes));
  }
  return bodies;
}

/** Everything that was published. */
export function receiveAll(consumer: RingConsumer): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  while (consumer.copyBatch()) bodies.push(...batchBodies(consumer));
  return bodies;
}

/** Unsigned value of a header word. */
export function wordOf(region: Region, index: number): number {
  return Atomics.load(region.words, index) >>> 0;
}
