/** What to run in turn. */
export interface Interleaving<Subject, Value> {
  readonly subjects: readonly Subject[];
  /** How often each is measured. */
  readonly rounds: number;
  /** Measures one; nothing else is measured meanwhile. */
  readonly measure: (subject: Subject) => Promise<Value>;
}

/** What came of it. A subject is in one of the two. */
export interface Interleaved<Subject, Value> {
  readonly values: ReadonlyMap<Subject, readonly Value[]>;
  readonly failures: ReadonlyMap<Subject, string>;
}

/**
 * Measures A B C A B C …, so that what else the machine does touches all alike.
 *
 * One that fails is left out from then on, and the values that it had are dropped.
 */
export async function interleave<Subject, Value>(
  plan: Interleaving<Subject, Value>,
): Promise<Interleaved<Subject, Value>> {
  const values = new Map<Subject, Value[]>(plan.subjects.map((subject) => [subject, []]));
  const failures = new Map<Subject, string>();
  for (let round = 0; round < plan.rounds; round++) {
    for (const [subject, list] of values) {
      try {
        list.push(await plan.measure(subject));
      } catch (error) {
        values.delete(subject);
        failures.set(subject, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return { values, failures };
}
