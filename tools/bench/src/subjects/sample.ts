import type { TakeReply } from '../gen/proto/echo.js';

/** Bytes of a payload that are looked at. */
const SAMPLE_COUNT = 16;

/** Sum of some bytes, spread evenly from the first to the last. */
export function sampleOf(payload: Uint8Array): number {
  const last = payload.length - 1;
  let sum = 0;
  for (let index = 0; index < SAMPLE_COUNT; index++) {
    sum += payload[Math.floor((index * last) / (SAMPLE_COUNT - 1))] ?? 0;
  }
  return sum;
}

/** What a server answers to `take`. */
export function takeReplyFor(payload: Uint8Array): TakeReply {
  return { length: payload.length, sample: sampleOf(payload) };
}
