import { readFileSync } from 'node:fs';
import * as wire from '@portcall/wire';

import { FAKE_ATOMICS, FakeMapping, FakeView, PLAIN, StoreBuffer } from './fake-memory.js';
import type { Steps } from './fake-memory.js';
import { call, transform } from './transform.js';

const SHM = new URL('../../../packages/shm/src/', import.meta.url);
const FILES = ['ring-producer', 'ring-consumer', 'wake-words', 'shm-link'];

type Evaluate = (...args: unknown[]) => void;

/** Compiled once: each replay makes the classes anew from it. */
const COMPILED = new Map<string, Evaluate>();

/** A planted bug: a change of the text of one source. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The sources under test as functions, the same for all runs. */
export type Program = ReadonlyMap<string, string>;

/** Reads, mutates and transforms the sources. */
export function loadProgram(mutation?: Mutation): Program {
  const program = new Map<string, string>();
  for (const file of FILES) {
    let text = readFileSync(new URL(`${file}.ts`, SHM), 'utf8');
    if (mutation?.file === file) {
      if (text.split(mutation.from).length !== 2) {
        throw new Error(`Cannot plant "${mutation.name}": its text is not there exactly once`);
      }
      text = text.replace(mutation.from, () => mutation.to);
    }
    program.set(file, transform(text));
  }
  return program;
}

/** The two memories and the socket. */
export class World {
  readonly mappings: FakeMapping[];
  /** Doorbells waiting for each side. */
  readonly bells = [0, 0];
  readonly dead = [false, false];
  readonly ringBytes: number;
  readonly start: number;
  constructor(ringBytes: number, start: number) {
    this.ringBytes = ringBytes;
    this.start = start;
    const length = wire.REGION_HEADER_BYTES + ringBytes;
    this.mappings = [new FakeMapping('A', length), new FakeMapping('B', length)];
    for (const mapping of this.mappings) {
      const view = new DataView(mapping.bytes.buffer);
      view.setUint32(wire.REGION_OFFSET.OUT_TAIL, start, true);
      view.setUint32(wire.REGION_OFFSET.IN_HEAD, start, true);
    }
  }
}

interface Handler {
  onRecord(bytes: Uint8Array, view: DataView, offset: number, length: number): void;
  onWritable(): void;
  onEnd(end: { kind: string; text?: string }): void;
}

/** The transformed ShmLink: its methods are steps. */
interface LinkUnderTest {
  start(handler: Handler, limits: object): Steps;
  tryClaim(minBytes: number): Steps;
  commit(lengthBytes: number): Steps;
}

/** One side: the real link on a small event loop. */
export class Side {
  readonly buffer = new StoreBuffer();
  readonly received: string[] = [];
  readonly steps: Steps;
  ended = '';
  readonly #world: World;
  readonly #index: number;
  readonly #ticks: (() => unknown)[] = [];
  readonly #immediates: (() => unknown)[] = [];
  readonly #watch = {
    listener: (_events: number): unknown => undefined,
    setEvents: () => undefined,
    close: () => undefined,
    setRef: () => undefined,
  };
  #next = 1;
  #canWrite = true;
  /** The link has no doorbell to wait for: it looks before the loop blocks. */
  #isAwake = false;
  readonly #count: number;
  readonly #link: LinkUnderTest;

  constructor(world: World, index: number, program: Program, records: number) {
    this.#world = world;
    this.#index = index;
    this.#count = records;
    this.#link = this.#makeLink(program);
    this.steps = this.#run();
  }

  *#run(): Steps {
    yield* call(this.#link, 'start', this.#handler(), {});
    for (;;) {
      yield* this.#write();
      while (this.#ticks.length > 0) yield* call(this.#ticks.shift(), undefined);
      if (this.ended !== '') return undefined;
      const immediate = this.#immediates.shift();
      if (immediate !== undefined) {
        yield* call(immediate, undefined);
        continue;
      }
      if (this.#canWrite && this.#next <= this.#count) continue;
      if (this.#isAwake) {
        this.#isAwake = (yield* this.#beforeBlock()) !== true;
        if (this.#isAwake) continue;
      }
      const { bells, dead } = this.#world;
      yield {
        text: 'poll',
        isReady: () => (bells[this.#index] ?? 0) > 0 || dead[1 - this.#index] === true,
        run: () => this.buffer.drain(),
      };
      yield* call(this.#watch, 'listener', 1);
    }
  }

  /** As the real one: before the loop blocks, delivers what came or lets the link rest. */
  *#beforeBlock(): Steps {
    if ((yield* call(this.#link, 'hasRecords')) === true) {
      yield* call(this.#link, 'takeRecords');
      return false;
    }
    return yield* call(this.#link, 'tryRest', 0);
  }

  *#write(): Steps {
    while (this.#canWrite && this.#next <= this.#count && this.ended === '') {
      const claim = (yield* call(this.#link, 'tryClaim', 8)) as
        { view: FakeView; offset: number } | undefined;
      if (claim === undefined) {
        this.#canWrite = false;
        return undefined;
      }
      claim.view.setUint32(claim.offset, this.#next);
      claim.view.setUint32(claim.offset + 4, this.#next);
      this.#next += 1;
      yield* call(this.#link, 'commit', 8);
    }
    return undefined;
  }

  #handler(): Handler {
    return {
      onRecord: (_bytes, view, offset) => {
        const [first, second] = [view.getUint32(offset, true), view.getUint32(offset + 4, true)];
        this.received.push(`${first}:${second}`);
      },
      onWritable: () => {
        this.#canWrite = true;
      },
      onEnd: (end) => {
        this.ended = end.kind + (end.text ?? '');
      },
    };
  }

  /** The real classes, with the kernel, the clock and the companions of the link replaced. */
  #makeLink(program: Program): LinkUnderTest {
    const world = this.#world;
    const { start, ringBytes } = world;
    const peer = 1 - this.#index;
    const region = (at: number): object => {
      const mapping = world.mappings[at];
      if (mapping === undefined) throw new Error('Cannot make region: no such side');
      return { mapping, words: new FakeView(mapping, this.buffer), ringBytes };
    };
    const parts = {
      native: this.#native(),
      own: region(this.#index),
      peerRegion: region(peer),
      fd: 3,
      pidfd: -1,
      watch: this.#watch,
      options: { spin: false },
    };
    const modules = new Map<string, Record<string, unknown>>();
    const load = (file: string): Record<string, unknown> => {
      const known = modules.get(file);
      if (known !== undefined) return known;
      const exports = this.#evaluate(program.get(file) ?? '', (name) => {
        const inner = name.replace(/^\.\/|\.js$/g, '');
        if (program.has(inner)) return load(inner);
        return name === '@portcall/wire' ? wire : this.#stubs();
      });
      for (const ring of ['RingProducer', 'RingConsumer']) {
        if (exports[ring] === undefined) continue;
        const Base = exports[ring] as new (...args: unknown[]) => object;
        const At = class extends Base {
          constructor(a: unknown, b: unknown) {
            super(a, b, start);
          }
        };
        modules.set(file, { [ring]: At });
        return { [ring]: At };
      }
      modules.set(file, exports);
      return exports;
    };
    const Link = load('shm-link')['ShmLink'] as new (parts: object) => LinkUnderTest;
    return new Link(parts);
  }

  #native(): object {
    const { bells } = this.#world;
    const peer = 1 - this.#index;
    const ringDoorbell = function* (): Steps {
      // A full socket is modelled as room for one doorbell: a second one is dropped.
      return yield { text: 'ring', run: () => (bells[peer] = 1) };
    };
    return { ringDoorbell, close: () => 0, revoke: () => undefined };
  }

  #stubs(): Record<string, unknown> {
    const { bells, dead } = this.#world;
    const index = this.#index;
    class Quiet {
      takesHandles = false;
      limitTotal(): void {}
      onCommitted(): void {}
      onRecords(): void {}
      shouldLinger(): boolean {
        return false;
      }
      spin(): boolean {
        return false;
      }
      close(): void {}
    }
    class Control extends Quiet {
      *read(): Steps {
        const take = (): string => {
          bells[index] = 0;
          return dead[1 - index] === true ? 'ended' : 'open';
        };
        return yield { text: 'read control', run: take };
      }
    }
    class NoBell {
      onWoken(): boolean {
        return false;
      }
      onRung(): void {}
      onCommitted(): void {}
      onRest(): void {}
    }
    const beforeBlock = {
      add: () => void (this.#isAwake = true),
      remove: () => void (this.#isAwake = false),
    };
    return {
      beforeBlockOf: () => beforeBlock,
      EarlyBell: NoBell,
      AdaptiveLinger: Quiet,
      SpinBeforeWait: Quiet,
      ShmSections: Quiet,
      ShmCompanions: Quiet,
      ControlStream: Control,
      WATCH_EVENT: { READABLE: 1, WRITABLE: 2, DISCONNECT: 4 },
      isPortError: (error: unknown) => error instanceof wire.PortError,
      availableParallelism: () => 1,
    };
  }

  #evaluate(code: string, require: (name: string) => object): Record<string, unknown> {
    const view = (plain: new (...args: never[]) => object) =>
      function make(source: unknown, ...rest: number[]): object {
        return source instanceof FakeMapping
          ? new FakeView(source, worldBuffer, ...rest)
          : Reflect.construct(plain, [source, ...rest]);
      };
    const worldBuffer = this.buffer;
    const names = {
      exports: {} as Record<string, unknown>,
      require,
      $call: call,
      Atomics: FAKE_ATOMICS,
      Plain: PLAIN,
      Uint8Array: view(Uint8Array),
      DataView: view(DataView),
      performance: { now: () => 0 },
      process: { nextTick: (run: () => unknown) => this.#ticks.push(run) },
      setImmediate: (run: () => unknown) => this.#immediates.push(run),
    };
    let run = COMPILED.get(code);
    if (run === undefined) {
      run = new Function(...Object.keys(names), code) as Evaluate;
      COMPILED.set(code, run);
    }
    run(...Object.values(names));
    return names.exports;
  }
}
