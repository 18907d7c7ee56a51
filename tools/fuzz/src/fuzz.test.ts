/*
 * Threat: every byte of a peer may be anything. A short, deterministic part of `npm run fuzz`: all
 * seeds and some thousand changes of them, for each decoder; then the same with planted faults,
 * which shows for each decoder that its harness sees them.
 */
import { afterAll, describe, expect, it } from 'vitest';

import { FAULTS, withFault } from './faults.js';
import { fuzz } from './fuzz-run.js';
import { seededRandom } from '@portcall/testing';
import { mutate } from './mutate.js';
import { fuzzTargets } from './target-table.js';

const LIMITS = { executionsMax: 1500, timeMs: 20_000, seed: 20_251 };
const targets = await fuzzTargets();
let executions = 0;

afterAll(() => console.log(`fuzz: ${executions} inputs over ${targets.length} decoders`));

describe.each(targets)('$name', (target) => {
  it('gives a value or its error, whatever comes', () => {
    const result = fuzz(target, target.seeds(), LIMITS);
    executions += result.executions;
    expect(result.violation?.text).toBeUndefined();
    expect(result.executions).toBeGreaterThan(target.seeds().length);
    expect(result.accepted).toBeGreaterThan(0);
    expect(result.kinds).toBeGreaterThan(1);
  });

  it.each(FAULTS)('with a fault is caught: %s', (fault) => {
    const { violation } = fuzz(withFault(target, fault), target.seeds(), LIMITS);
    expect(violation?.text).toBeDefined();
  });
});

describe('mutate()', () => {
  it('makes the same inputs of the same seed, and others of others', () => {
    const made = (seed: number): string[] => {
      const random = seededRandom(seed);
      const seeds = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
      return Array.from({ length: 50 }, () => Buffer.from(mutate(seeds, random)).toString('hex'));
    };
    expect(made(1)).toEqual(made(1));
    expect(made(1)).not.toEqual(made(2));
    expect(new Set(made(1)).size).toBeGreaterThan(30);
  });
});
