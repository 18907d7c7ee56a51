/*
 * Usage: calling-client DIRECTORY HEAP_MIB. Fills so much of its heap, connects to the target, and
 * calls on and on, until it is killed.
 */
import { connectPort } from '@portcall/port';

import { TARGET_NAME } from '../target-name.js';

const DOUBLES_EACH = 128 * 1024; // 1 MiB of V8's heap, each page of it written to.
const [directory = '', heapMib = '0'] = process.argv.slice(2);
const heap = Array.from({ length: Number(heapMib) }, (_, number) => {
  return Array.from<number>({ length: DOUBLES_EACH }).fill(number + 0.5);
});
const port = await connectPort(TARGET_NAME, { directory });
const sizes = [8, 200, 5000, 40_000];
for (let call = 0; (await port.request(new Uint8Array(sizes[call % 4] ?? 8))).length > 0; call++) {
  if (heap.length > 0) heap[call % heap.length]?.fill(call + 0.5, 0, 1);
}
