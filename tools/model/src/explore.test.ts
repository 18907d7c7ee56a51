import { describe, expect, it } from 'vitest';

import { explore } from './explore.js';
import { MUTATIONS } from './mutations.js';
import { loadProgram } from './side.js';

const BASE = { records: 3, ringBytes: 32, start: 2 ** 32 - 16, canDie: false, statesMax: 1e6 };

describe('explore()', () => {
  it.each([false, true])('finds nothing in the sources (writer may die: %s)', (canDie) => {
    const outcome = explore(loadProgram(), { ...BASE, records: 1, canDie });
    expect(outcome.trace ?? outcome.failure).toBeUndefined();
    expect(outcome.isComplete).toBe(true);
  });

  it.each(MUTATIONS)('finds: $name', (mutation) => {
    const outcome = explore(loadProgram(mutation), { ...BASE, records: 1 });
    expect(outcome.failure).toBeDefined();
  });
});
