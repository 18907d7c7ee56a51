import { PENDING_REQUESTS_MAX, PortError, TIMEOUT_MS_MAX, type MessageId } from '@portcall/wire';

import type { MessageData } from './message-data.js';
import type { MemoryRange } from './outgoing-attributes.js';

/** Who waits for the reply to a request; exactly one of the two is called, once. */
export interface ReplySink {
  /** What it waits for, if not the reply to a REQUEST. */
  readonly purpose?: 'ping' | 'range';
  /** How many callbacks deep the request is; left out for 0. */
  readonly depth?: number;
  /** Memory that the receiver may reach until it replies. */
  readonly ranges?: readonly MemoryRange[] | undefined;
  /** The reply. `data` is borrowed. */
  onReply(data: MessageData): void;
  /** There will be no reply. */
  onFailure(error: PortError): void;
}

/** Slots at first; a power of two. */
const SLOTS_START = 64;

/**
 * Slots at most. Twice the number of requests that may be outstanding, so that a free slot is near.
 * Part of the protocol: ids of outstanding requests differ modulo this number.
 */
export const REQUEST_SLOTS_MAX = 2 * PENDING_REQUESTS_MAX;

/** State of a request that waits. */
const STATE = { FREE: 0, QUEUED: 1, SENT: 2 } as const;

/** What the table asks of its port. */
export interface PendingHost {
  /** Takes in the replies that have arrived, before any deadline is declared over. */
  drain(): void;
  /** The deadline of this request has passed; its slot is free already. */
  onExpired(id: MessageId, sink: ReplySink, wasSent: boolean): void;
}

/**
 * Requests whose replies are outstanding, in arrays indexed by the id's low bits: no hashing, no
 * object per request, one timer for all deadlines.
 */
export class PendingRequests {
  readonly #host: PendingHost;
  #mask = SLOTS_START - 1;
  #sinks: (ReplySink | undefined)[] = Array.from({ length: SLOTS_START }, () => undefined);
  #ids = new Uint32Array(SLOTS_START);
  #states = new Uint8Array(SLOTS_START);
  #marks = new Float64Array(SLOTS_START);
  #deadlines = new Float64Array(SLOTS_START);
  #count = 0;
  #nextId: number;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  /** @param firstId for tests of the wrap at 2^32 */
  constructor(host: PendingHost, firstId = 1) {
    this.#host = host;
    this.#nextId = firstId;
  }

  /** Requests that wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Registers a request as queued.
   *
   * @param deadlineMs when it is over, on `performance.now()`'s clock; Infinity for never
   * @throws PortError QUOTA_EXCEEDED when as many as may be are outstanding
   */
  add(sink: ReplySink, deadlineMs: number): MessageId {
    if (this.#count >= PENDING_REQUESTS_MAX) {
      throw new PortError(
        'QUOTA_EXCEEDED',
        `Cannot send request: ${this.#count} requests are outstanding, limit is ` +
          `${PENDING_REQUESTS_MAX}`,
      );
    }
    if (2 * (this.#count + 1) > this.#mask + 1) this.#grow();
    let id = this.#nextId;
    // 0 is no id, and an id whose slot is taken would not be told apart from the one in it.
    while (id === 0 || this.#states[id & this.#mask] !== STATE.FREE) id = (id + 1) >>> 0;
    this.#nextId = (id + 1) >>> 0;
    const slot = id & this.#mask;
    this.#sinks[slot] = sink;
    this.#ids[slot] = id;
    this.#states[slot] = STATE.QUEUED;
    this.#deadlines[slot] = deadlineMs;
    this.#count++;
    if (deadlineMs < this.#timerAt) this.#arm(deadlineMs);
    return id as MessageId;
  }

  /** The request's record was committed; `mark` is the link's position after it. */
  markSent(id: number, mark: number): void {
    const slot = this.#find(id);
    if (slot < 0) return;
    this.#states[slot] = STATE.SENT;
    this.#marks[slot] = mark;
  }

  /** Whether the request waits, and its record was committed. */
  isSent(id: number): boolean {
    const slot = this.#find(id);
    return slot >= 0 && this.#states[slot] === STATE.SENT;
  }

  /** The link's position after a request that was sent and waits. */
  markOf(id: number): number | undefined {
    return this.isSent(id) ? this.#marks[id & this.#mask] : undefined;
  }

  /** The sink of a request that was sent and waits. */
  get(id: number): ReplySink | undefined {
    return this.isSent(id) ? this.#sinks[id & this.#mask] : undefined;
  }

  /** Takes a request out. @returns `undefined` when no such request waits */
  take(id: number): ReplySink | undefined {
    const slot = this.#find(id);
    if (slot < 0) return undefined;
    const sink = this.#sinks[slot];
    this.#free(slot);
    return sink;
  }

  /**
   * Takes out what a REPLY can answer: a request that was sent, and no PING. The peer may have
   * guessed the id of one that still waits for room.
   */
  takeReplied(id: number): ReplySink | undefined {
    const slot = this.#find(id);
    if (slot < 0 || this.#states[slot] !== STATE.SENT) return undefined;
    const sink = this.#sinks[slot];
    if (sink?.purpose === 'ping') return undefined;
    this.#free(slot);
    return sink;
  }

  /** Takes all requests out. `mark` is meaningful for sent ones. */
  takeAll(each: (sink: ReplySink, wasSent: boolean, mark: number) => void): void {
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    for (let slot = 0; slot <= this.#mask; slot++) {
      const sink = this.#sinks[slot];
      if (sink === undefined) continue;
      const wasSent = this.#states[slot] === STATE.SENT;
      const mark = this.#marks[slot] ?? 0;
      this.#free(slot);
      each(sink, wasSent, mark);
    }
  }

  #find(id: number): number {
    const slot = id & this.#mask;
    return this.#ids[slot] === id && this.#states[slot] !== STATE.FREE ? slot : -1;
  }

  #free(slot: number): void {
    this.#sinks[slot] = undefined;
    this.#states[slot] = STATE.FREE;
    this.#count--;
  }

  /** Twice the slots: ids that differ in fewer low bits differ in more. */
  #grow(): void {
    const size = Math.min((this.#mask + 1) * 2, REQUEST_SLOTS_MAX);
    if (size === this.#mask + 1) return;
    const old = {
      sinks: this.#sinks,
      ids: this.#ids,
      states: this.#states,
      marks: this.#marks,
      deadlines: this.#deadlines,
    };
    this.#sinks = Array.from({ length: size }, () => undefined);
    this.#ids = new Uint32Array(size);
    this.#states = new Uint8Array(size);
    this.#marks = new Float64Array(size);
    this.#deadlines = new Float64Array(size);
    this.#mask = size - 1;
    old.sinks.forEach((sink, from) => {
      if (sink === undefined) return;
      const id = old.ids[from] ?? 0;
      const slot = id & this.#mask;
      this.#sinks[slot] = sink;
      this.#ids[slot] = id;
      this.#states[slot] = old.states[from] ?? STATE.QUEUED;
      this.#marks[slot] = old.marks[from] ?? 0;
      this.#deadlines[slot] = old.deadlines[from] ?? Infinity;
    });
  }

  /** One timer stands for the earliest deadline; it is left standing when that request is done. */
  #arm(deadlineMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = deadlineMs;
    // A timer may fire up to a millisecond early by this clock; #expire then arms it again.
    const delayMs = Math.min(
      Math.max(Math.ceil(deadlineMs - performance.now()), 0),
      TIMEOUT_MS_MAX,
    );
    this.#timer = setTimeout(() => this.#expire(), delayMs);
    // The connection keeps the process alive, not its deadlines.
    this.#timer.unref();
  }

  #expire(): void {
    this.#timerAt = Infinity;
    // After a pause of the process, replies that are there already win over their deadlines. Where
    // only the event loop can read them, it does so between its timers and its immediates.
    this.#host.drain();
    setImmediate(() => this.#declareExpired());
  }

  #declareExpired(): void {
    const now = performance.now();
    let earliest = Infinity;
    for (let slot = 0; slot <= this.#mask; slot++) {
      const sink = this.#sinks[slot];
      if (sink === undefined) continue;
      const deadline = this.#deadlines[slot] ?? Infinity;
      if (deadline > now) {
        earliest = Math.min(earliest, deadline);
        continue;
      }
      const id = this.#ids[slot] ?? 0;
      const wasSent = this.#states[slot] === STATE.SENT;
      this.#free(slot);
      this.#host.onExpired(id as MessageId, sink, wasSent);
    }
    if (earliest < this.#timerAt) this.#arm(earliest);
  }
}
