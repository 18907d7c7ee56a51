import { createHash } from 'node:crypto';

import type { Access } from './fake-memory.js';
import { Side, World, type Program } from './side.js';

/** What to explore. */
export interface Scenario {
  readonly records: number;
  readonly ringBytes: number;
  readonly start: number;
  /** The writer may die at any step. */
  readonly canDie: boolean;
  readonly statesMax: number;
}

/** What came of it: `failure` with the steps that lead there, or none. */
export interface Outcome {
  readonly states: number;
  readonly isComplete: boolean;
  readonly failure?: string;
  readonly trace?: readonly string[];
}

/** One execution: does one choice at a time. */
class Run {
  readonly world: World;
  readonly sides: readonly Side[];
  readonly pending: (Access | undefined)[] = [];
  readonly histories = ['', ''];
  readonly trace: string[] = [];
  error = '';

  constructor(program: Program, scenario: Scenario) {
    this.world = new World(scenario.ringBytes, scenario.start);
    this.sides = [
      new Side(this.world, 0, program, scenario.records),
      new Side(this.world, 1, program, 0),
    ];
    for (const at of [0, 1]) this.#advance(at, undefined);
  }

  choices(canDie: boolean): string[] {
    const found: string[] = [];
    for (const [at, side] of this.sides.entries()) {
      const access = this.pending[at];
      const isDead = this.world.dead[at] === true;
      if (access !== undefined && !isDead && (access.isReady?.() ?? true)) found.push(`s${at}`);
      if (side.buffer.stores.length > 0) found.push(`d${at}`);
    }
    if (canDie && this.world.dead[0] === false) found.push('k0');
    return found;
  }

  take(choice: string): void {
    const at = Number(choice[1]);
    const side = this.sides[at];
    if (side === undefined) throw new Error(`Cannot take choice: "${choice}" names no side`);
    if (choice[0] === 'd') {
      this.trace.push(`${at} drains a store`);
      side.buffer.drainOne();
    } else if (choice[0] === 'k') {
      this.trace.push(`${at} dies`);
      this.world.dead[at] = true;
    } else {
      const access = this.pending[at];
      const value = access?.run();
      this.trace.push(`${at} ${access?.text ?? ''} -> ${String(value)}`);
      this.#advance(at, value);
    }
  }

  key(): string {
    const hash = createHash('sha1').update(this.histories.join('|'));
    for (const mapping of this.world.mappings) hash.update(mapping.bytes.subarray(128));
    for (const side of this.sides) {
      for (const store of side.buffer.stores) hash.update(`${store.at}=${store.bytes.join()};`);
      hash.update('|');
    }
    return hash.update(`${this.world.bells.join()}${this.world.dead.join()}`).digest('base64');
  }

  failure(scenario: Scenario, isStuck: boolean): string | undefined {
    if (this.error !== '') return this.error;
    const got = this.sides[1]?.received ?? [];
    for (const [index, record] of got.entries()) {
      if (record !== `${index + 1}:${index + 1}`) return `record ${index + 1} reads ${record}`;
    }
    const ended = this.sides.map((side) => side.ended).find((end) => end.startsWith('violation'));
    if (ended !== undefined) return ended;
    if (isStuck && this.world.dead[0] === false && got.length < scenario.records) {
      return `stuck after ${got.length} of ${scenario.records} records`;
    }
    if (isStuck && this.world.dead[0] === true && this.sides[1]?.ended !== 'ended') {
      return 'the survivor was not told of the death';
    }
    return undefined;
  }

  /** A thread is a function of what it read: the values stand for its own state. */
  #advance(at: number, value: unknown): void {
    const text = `${this.histories[at] ?? ''},${String(value)}`;
    this.histories[at] = createHash('sha1').update(text).digest('base64');
    try {
      const step = this.sides[at]?.steps.next(value);
      this.pending[at] = step === undefined || step.done === true ? undefined : step.value;
    } catch (error) {
      this.error = `side ${at} threw ${String(error)}`;
      this.pending[at] = undefined;
    }
  }
}

/** Goes through all interleavings, store buffer drains and deaths, each state once. */
export function explore(program: Program, scenario: Scenario): Outcome {
  const seen = new Set<string>();
  const open: string[][] = [[]];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const run = new Run(program, scenario);
    for (const choice of path) run.take(choice);
    for (;;) {
      const choices = run.choices(scenario.canDie);
      const isStuck = !choices.some((choice) => choice[0] !== 'k');
      const failure = run.failure(scenario, isStuck);
      if (failure !== undefined) {
        return { states: seen.size, isComplete: false, failure, trace: run.trace };
      }
      const key = run.key();
      if (seen.has(key)) break;
      seen.add(key);
      if (seen.size >= scenario.statesMax) return { states: seen.size, isComplete: false };
      const [first, ...rest] = choices;
      if (first === undefined) break;
      for (const other of rest) open.push([...path, other]);
      path.push(first);
      run.take(first);
    }
  }
  return { states: seen.size, isComplete: true };
}
