import type { FuzzTarget } from './fuzz-target.js';

/** Faults that can be planted into every target, to show that its harness can fail. */
export const FAULTS = ['overRead', 'overWrite', 'wrongThrow', 'endless', 'bloat'] as const;

/** One of {@link FAULTS}. */
export type Fault = (typeof FAULTS)[number];

/** A target whose decoder goes wrong for one input of about 16. */
export function withFault(target: FuzzTarget, fault: Fault): FuzzTarget {
  return {
    ...target,
    decode: (input) => (isUnlucky(input) ? misbehave(fault, input, target) : target.decode(input)),
  };
}

function isUnlucky(input: Uint8Array): boolean {
  return input.reduce((sum, byte) => (sum * 31 + byte) & 0xffff, 7) % 16 === 3;
}

function misbehave(fault: Fault, input: Uint8Array, target: FuzzTarget): string {
  switch (fault) {
    case 'overRead':
      return `x${new Uint8Array(input.buffer, input.byteOffset, input.length + 1).at(-1)}`;
    case 'overWrite':
      input[0] = (input[0] ?? 0) + 1;
      return target.decode(input);
    case 'wrongThrow':
      throw Object.assign(new Error('Maximum call stack size exceeded'), { name: 'RangeError' });
    case 'endless':
      burn(700);
      return '';
    case 'bloat':
      return 'x'.repeat(70_000 + 256 * input.length);
  }
}

/** Uses processor time, however much others want. */
function burn(cpuMs: number): void {
  const start = process.cpuUsage();
  while (process.cpuUsage(start).user < cpuMs * 1000) {
    for (let index = 0; index < 1_000_000; index++) Math.sqrt(index);
  }
}
