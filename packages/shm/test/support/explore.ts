/** Picks one of `count` ways to go on. */
export type Choose = (count: number) => number;

/** What one schedule came to; text when it went wrong. */
export type Outcome = string | undefined;

/** What an exploration found. */
export interface Exploration {
  readonly schedules: number;
  /** First schedule that went wrong, as its choices, with what went wrong. */
  readonly failure: { readonly choices: readonly number[]; readonly text: string } | undefined;
}

/** Schedules at most: an exploration that needs more is no longer exhaustive, and says so. */
const SCHEDULES_MAX = 200_000;

/**
 * Runs every schedule: `run` is called once for each sequence of choices that it can make, and
 * stopped at the first one that goes wrong.
 */
export function explore(run: (choose: Choose) => Outcome): Exploration {
  const path: { taken: number; count: number }[] = [];
  for (let schedules = 1; schedules <= SCHEDULES_MAX; schedules++) {
    let depth = 0;
    const text = run((count) => {
      if (depth === path.length) path.push({ taken: 0, count });
      const taken = path[depth]?.taken ?? 0;
      depth++;
      return taken;
    });
    if (text !== undefined) {
      return { schedules, failure: { choices: path.map(({ taken }) => taken), text } };
    }
    let last = path.pop();
    while (last !== undefined && last.taken + 1 >= last.count) last = path.pop();
    if (last === undefined) return { schedules, failure: undefined };
    path.push({ taken: last.taken + 1, count: last.count });
  }
  throw new Error(`Cannot explore: there are more than ${SCHEDULES_MAX} schedules`);
}

/** A party yields between its steps: nothing to go on, or what it waits for. */
export type Party = Generator<(() => boolean) | undefined, void, void>;

/**
 * Runs parties step by step until none can go on; each step is one that the others see whole.
 *
 * Every atomic access inside a step, except the first, is a point where the others may run too:
 * `Atomics` is replaced while this runs.
 */
export function interleave(parties: readonly Party[], choose: Choose): void {
  const waits: ((() => boolean) | undefined)[] = parties.map(() => undefined);
  const done = parties.map(() => false);
  const running = new Set<number>();
  const canRun = (index: number): boolean =>
    done[index] === false && !running.has(index) && quietly(waits[index] ?? always);
  const step = (index: number): void => {
    running.add(index);
    let accesses = 0;
    const runOthers = (): void => {
      if (accesses++ === 0) return;
      for (let other = 0; other < parties.length; other++) {
        while (canRun(other) && choose(2) === 1) step(other);
      }
    };
    const result = withAccessHook(runOthers, () => parties[index]!.next());
    running.delete(index);
    if (result.done === true) done[index] = true;
    else waits[index] = result.value;
  };
  for (;;) {
    const ready = parties.map((_, index) => index).filter(canRun);
    if (ready.length === 0) return;
    step(ready[ready.length === 1 ? 0 : choose(ready.length)]!);
  }
}

const { load, store } = Atomics;

const always = (): boolean => true;

/** Calls `hook` before each `Atomics.load` and `Atomics.store` that `action` makes. */
function withAccessHook<T>(hook: (() => void) | undefined, action: () => T): T {
  const replaced = Atomics as { load: unknown; store: unknown };
  const outer = { load: replaced.load, store: replaced.store };
  replaced.load = (words: Int32Array, index: number): number => {
    hook?.();
    return load(words, index);
  };
  replaced.store = (words: Int32Array, index: number, value: number): number => {
    hook?.();
    return store(words, index, value);
  };
  try {
    return action();
  } finally {
    Object.assign(replaced, outer);
  }
}

/** For conditions, which are no steps. */
function quietly<T>(action: () => T): T {
  return withAccessHook(undefined, action);
}
