import { parseArgs } from 'node:util';

import { FAULTS, type Fault } from './faults.js';

/** What a run of the fuzzer does. */
export interface FuzzOptions {
  /** Name of a target, or `all`. */
  readonly target: string;
  /** For each target. */
  readonly seconds: number;
  /** All that is random comes from it. */
  readonly seed: number;
  /** A fault to plant. */
  readonly plant: Fault | undefined;
}

/** Reads the arguments. @throws TypeError, RangeError */
export function parseFuzzOptions(args: readonly string[]): FuzzOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string', default: 'all' },
      seconds: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      plant: { type: 'string' },
    },
  });
  const plant = FAULTS.find((fault) => fault === values.plant);
  if (values.plant !== undefined && plant === undefined) {
    throw new RangeError(`Cannot fuzz: fault is "${values.plant}", wanted ${FAULTS.join(', ')}`);
  }
  return {
    target: values.target,
    seconds: numberOf('seconds', values.seconds),
    seed: numberOf('seed', values.seed),
    plant,
  };
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`Cannot fuzz: ${name} is "${text}", wanted a number from 0`);
}
