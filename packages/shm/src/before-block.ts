import { systemError, type NativeBinding, type Prepare } from '@portcall/native';

/** Longest stretch of looking without a turn of the event loop: other work waits that long. */
const LOOK_MS = 0.02;

/** Longest stretch of delivering without a turn of the event loop. */
const RUN_MS = 1;

/** Looks at the rings between two looks at the clock. */
const LOOKS = 32;

/** Turns without an awake connection before the hook is taken out: putting it in costs more. */
const EMPTY_TURNS_MAX = 64;

/** A side of a connection that is awake: nobody rings for it, so it has to look. */
export interface AwakeSide {
  /** Whether the peer has sent something. */
  hasRecords(): boolean;
  /** Takes in what has come. */
  takeRecords(): void;
  /**
   * Nothing has come: goes to sleep unless it pays to wait a little.
   *
   * @param nowMs on `performance.now()`'s clock
   * @returns whether it sleeps now, and is rung for from now on
   */
  tryRest(nowMs: number): boolean;
}

/**
 * Looks for records where the event loop of this thread would block, for all connections that are
 * awake, and sends those to sleep that need not wait.
 *
 * What comes while the program runs is found here without a doorbell; and where waiting a little
 * pays, it is done here, without system calls. A thread whose connections all sleep does nothing.
 */
export class BeforeBlock {
  readonly #native: NativeBinding;
  readonly #prepare: Prepare;
  readonly #awake: AwakeSide[] = [];
  #isStarted = false;
  #emptyTurns = 0;
  #enteredAt = 0;

  /** @throws SystemError when there is no memory */
  constructor(native: NativeBinding) {
    this.#native = native;
    const prepare = native.prepareOpen(
      (mayBlock, round) => this.#look(mayBlock, round),
      () => this.#run(),
    );
    if (typeof prepare === 'number') throw systemError('uv_prepare_init', prepare);
    this.#prepare = prepare;
  }

  /** This side is awake from now on. The caller adds it once for each time that it wakes. */
  add(side: AwakeSide): void {
    this.#awake.push(side);
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#native.prepareStart(this.#prepare, 1);
  }

  /** This side has ended. Without effect when it is asleep. */
  remove(side: AwakeSide): void {
    const index = this.#awake.indexOf(side);
    if (index >= 0) this.#removeAt(index);
  }

  /** @returns whether to deliver and look again */
  #look(mayBlock: boolean, round: number): boolean {
    if (this.#awake.length === 0) return this.#stop();
    const nowMs = performance.now();
    if (round === 0) this.#enteredAt = nowMs;
    else if (nowMs - this.#enteredAt > RUN_MS) return this.#turn();
    if (this.#hasRecords()) return true;
    // Busy with other things: it comes back soon, and until then nobody needs to ring. `mayBlock`
    // proves nothing (it is false, too, while libuv has descriptors to register), the turn does.
    if (!mayBlock) return this.#turn();
    for (let index = this.#awake.length - 1; index >= 0; index--) {
      if (this.#awake[index]?.tryRest(nowMs)) this.#removeAt(index);
    }
    if (this.#awake.length === 0) return false;
    const until = nowMs + LOOK_MS;
    do {
      for (let looks = 0; looks < LOOKS; looks++) if (this.#hasRecords()) return true;
    } while (performance.now() < until);
    return this.#turn();
  }

  #run(): void {
    for (let index = this.#awake.length - 1; index >= 0; index--) {
      // Ending one side may take others out.
      const side = this.#awake[index];
      if (side?.hasRecords() === true) side.takeRecords();
    }
  }

  #hasRecords(): boolean {
    const awake = this.#awake;
    for (let index = 0; index < awake.length; index++) {
      if (awake[index]?.hasRecords() === true) return true;
    }
    return false;
  }

  /** Lets the event loop poll without blocking, and come back. */
  #turn(): false {
    setImmediate(nothing);
    return false;
  }

  /** Once nobody has been awake for a while. */
  #stop(): false {
    if (++this.#emptyTurns < EMPTY_TURNS_MAX) return false;
    this.#emptyTurns = 0;
    this.#isStarted = false;
    this.#native.prepareStart(this.#prepare, 0);
    return false;
  }

  #removeAt(index: number): void {
    const last = this.#awake.pop();
    if (last !== undefined && index < this.#awake.length) this.#awake[index] = last;
  }
}

/**
 * One for each thread, since a thread has one event loop: several would wait one after the other.
 * The key is what the thread's own loading of the addon gave.
 */
const ofThread = new WeakMap<NativeBinding, BeforeBlock>();

/** That of the thread which `native` was loaded in. */
export function beforeBlockOf(native: NativeBinding): BeforeBlock {
  let found = ofThread.get(native);
  if (found === undefined) ofThread.set(native, (found = new BeforeBlock(native)));
  return found;
}

function nothing(): void {
  // Only the turn matters.
}
