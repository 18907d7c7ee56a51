import type { CaseResult } from './case-result.js';
import type { BenchCase } from './cases.js';
import type { SubjectPair } from './children/subject-pair.js';
import type { Load } from './drive/load.js';
import { interleave } from './interleave.js';
import { SUBJECTS, type Ability, type SubjectName } from './subjects/subject-table.js';

/** How to measure. */
export interface Schedule {
  readonly rounds: number;
  /** How long a subject is measured in a round, in milliseconds. */
  readonly roundMs: number;
  /** How long a subject runs once, before the first case, in milliseconds. */
  readonly compileMs: number;
  /** How long it runs the case once, before the first round, in milliseconds. */
  readonly warmupMs: number;
  /** How long it runs before each round, in milliseconds: caches and clocks, not the compiler. */
  readonly settleMs: number;
}

/** Loads that run for as long as they are told: those get a moment before each round. */
const SETTLING: ReadonlySet<Load['kind']> = new Set([
  'latency',
  'sync',
  'pipelined',
  'transfer',
  'stream',
]);

/** Many calls in a short time: what the compiler needs to see of a subject. */
const COMPILE_LOAD: Load = { kind: 'pipelined', payloadBytes: 64, inFlight: 64 };

/**
 * Has the subjects' code compiled, so that the first cases do not measure the compiler.
 *
 * @throws Error when a subject does not work
 */
export async function warmUp(pairs: readonly SubjectPair[], schedule: Schedule): Promise<void> {
  for (const pair of pairs) await pair.run(COMPILE_LOAD, schedule.compileMs);
}

/** Measures a case with those of the subjects that can do it. */
export async function runCase(
  benchCase: BenchCase,
  pairs: readonly SubjectPair[],
  schedule: Schedule,
): Promise<CaseResult> {
  const { load, needs } = benchCase;
  const able = pairs.filter(({ name }) => {
    const can: readonly Ability[] = SUBJECTS[name].can;
    return needs === undefined || can.includes(needs);
  });
  const warm = await interleave({
    subjects: able,
    rounds: 1,
    measure: (pair) => pair.run(load, schedule.warmupMs),
  });
  const measured = await interleave({
    subjects: [...warm.values.keys()],
    rounds: schedule.rounds,
    measure: async (pair) => {
      if (SETTLING.has(load.kind)) await pair.run(load, schedule.settleMs);
      return pair.run(load, schedule.roundMs);
    },
  });
  return {
    benchCase,
    rounds: new Map(byName(measured.values)),
    failures: new Map([...byName(warm.failures), ...byName(measured.failures)]),
  };
}

function byName<Value>(map: ReadonlyMap<SubjectPair, Value>): (readonly [SubjectName, Value])[] {
  return [...map].map(([pair, value]) => [pair.name, value]);
}
