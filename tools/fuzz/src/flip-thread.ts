/*
 * The thread that attacks: it changes a message while another thread reads it, as a peer can that
 * owns the memory. It alternates two whole messages of the same shape, and spoils some bytes in
 * between.
 */
import { workerData } from 'node:worker_threads';

import { loadNative } from '@portcall/native';
import { seededRandom } from '@portcall/testing';

import type { FlipTask } from './text-flip.js';

const { control, memory, sectionFd, offset, messages, seed } = workerData as FlipTask;
const [first, second] = messages;
const stop = new Int32Array(control);
const bytes = new Uint8Array(memory ?? mapSection(), offset, first.length);
const random = seededRandom(seed);

/** Bytes that are no text, or change what a tag or a length says. */
const SPOILERS = [0xff, 0xc3, 0x80, 0xf0, 0x00, 0x7f, 0x0a, 0x12] as const;

function mapSection(): ArrayBuffer {
  const { binding } = loadNative();
  const mapping = binding?.map(sectionFd, offset + first.length, 1);
  if (mapping === undefined || typeof mapping === 'number') {
    throw new Error(`Cannot map the section: ${mapping}`);
  }
  return mapping;
}

for (let round = 0; Atomics.load(stop, 0) === 0; round++) {
  bytes.set(round % 2 === 0 ? second : first);
  if (round % 3 === 0) {
    for (let spoiled = 0; spoiled < 4; spoiled++) {
      const spoiler = SPOILERS[Math.floor(random() * SPOILERS.length)] ?? 0;
      bytes[Math.floor(random() * bytes.length)] = spoiler;
    }
  }
  Atomics.add(stop, 1, 1);
}
