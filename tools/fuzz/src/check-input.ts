import { isPortError } from '@portcall/wire';

import { Violation, type FuzzTarget } from './fuzz-target.js';

/** What one input does of a decoder's processor time, at most: they all take microseconds. */
const CPU_MS_MAX = 500;

/** Wall-clock time from which on the processor time is looked at. */
const SLOW_MS = 100;

/** Text of what is decoded: fixed, and for each byte of input. Hex and field names make it long. */
const TEXT_BYTES = 64 * 1024;
const TEXT_PER_BYTE = 256;

/** Bytes around the input: nothing that a decoder may see. */
const MARGIN_BYTES = 64;

/**
 * Decodes one input and checks what holds for every decoder: a value or an error that it may
 * throw, in bounded time and size, and the same whatever stands around the input.
 *
 * @returns the outcome
 * @throws Violation
 */
export function checkInput(target: FuzzTarget, input: Uint8Array): string {
  const first = outcomeOf(target, surrounded(input, 0x00));
  const second = outcomeOf(target, surrounded(input, 0xff));
  if (first !== second) {
    throw new Violation(`reads outside of its input: "${cut(first)}" became "${cut(second)}"`);
  }
  if (first.length > TEXT_BYTES + TEXT_PER_BYTE * input.length) {
    throw new Violation(`makes ${first.length} characters of ${input.length} bytes`);
  }
  return first;
}

function outcomeOf(target: FuzzTarget, input: Uint8Array): string {
  const before = input.slice();
  const start = performance.now();
  const usage = process.cpuUsage();
  let outcome: string;
  try {
    outcome = target.decode(input);
  } catch (error) {
    outcome = `threw ${nameOf(target, error)}`;
  }
  if (performance.now() - start > SLOW_MS) {
    const spentMs = process.cpuUsage(usage).user / 1000;
    if (spentMs > CPU_MS_MAX) throw new Violation(`takes ${Math.round(spentMs)} ms`);
  }
  if (Buffer.compare(before, input) !== 0) throw new Violation('writes to its input');
  return outcome;
}

/** @throws Violation for what the decoder may not throw */
function nameOf(target: FuzzTarget, error: unknown): string {
  if (error instanceof Violation) throw error;
  if (isPortError(error)) {
    if (target.codes.includes(error.code)) return `${error.code} ${error.message}`;
    throw new Violation(`throws a PortError ${error.code}: ${error.message}`);
  }
  const isPlain =
    error instanceof Error && !/call stack|array (buffer )?(length|alloc)/i.test(error.message);
  // Its text is for people; where a value was cut off, it tells what stood behind it.
  if (target.mayThrowPlain === true && isPlain) return 'Error';
  throw new Violation(`throws ${error instanceof Error ? error.stack : String(error)}`);
}

function surrounded(input: Uint8Array, filling: number): Uint8Array {
  const buffer = new Uint8Array(2 * MARGIN_BYTES + input.length).fill(filling);
  buffer.set(input, MARGIN_BYTES);
  return buffer.subarray(MARGIN_BYTES, MARGIN_BYTES + input.length);
}

function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
