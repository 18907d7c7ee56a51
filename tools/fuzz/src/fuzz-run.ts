import { seededRandom } from '@portcall/testing';

import { checkInput } from './check-input.js';
import { Violation, type FuzzTarget } from './fuzz-target.js';
import { mutate } from './mutate.js';

/** Inputs with a new outcome that are kept to be changed further. */
const KEPT_MAX = 2000;

/** When a run ends: after so many inputs, or so much time, whichever comes first. */
export interface FuzzLimits {
  readonly executionsMax: number;
  readonly timeMs: number;
  /** All that is random comes from it. */
  readonly seed: number;
}

/** What a run did. */
export interface FuzzResult {
  readonly executions: number;
  readonly elapsedMs: number;
  /** Inputs that were decoded, not refused. */
  readonly accepted: number;
  /** Kinds of outcome that were seen: how far the inputs got. */
  readonly kinds: number;
  /** The input that broke a promise, and which. */
  readonly violation?: { readonly input: Uint8Array; readonly text: string };
}

/**
 * Seeds first, then changed ones. An input whose outcome is of a new kind (its text without the
 * numbers) joins the seeds: the outcome serves as the measure of coverage.
 */
export function fuzz(
  target: FuzzTarget,
  seeds: readonly Uint8Array[],
  limits: FuzzLimits,
): FuzzResult {
  const random = seededRandom(limits.seed);
  const corpus: Uint8Array[] = [...seeds];
  const kinds = new Set<string>();
  const start = performance.now();
  let executions = 0;
  let accepted = 0;
  const result = () => {
    return { executions, accepted, kinds: kinds.size, elapsedMs: performance.now() - start };
  };
  while (executions < limits.executionsMax && performance.now() - start < limits.timeMs) {
    const input = seeds[executions] ?? mutate(corpus, random);
    executions++;
    try {
      const outcome = checkInput(target, input);
      if (!outcome.startsWith('threw ')) accepted++;
      const kind = kindOf(outcome);
      if (!kinds.has(kind) && corpus.length < seeds.length + KEPT_MAX) {
        kinds.add(kind);
        corpus.push(input.slice());
      }
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return { ...result(), violation: { input, text: error.message } };
    }
  }
  return result();
}

function kindOf(outcome: string): string {
  return outcome.slice(0, 200).replaceAll(/x[0-9a-f]*|"[^":]*"(?!:)|\d+/g, '#');
}
