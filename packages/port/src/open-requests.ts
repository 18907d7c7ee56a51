import type { IncomingRequest } from './incoming-request.js';
import { REQUEST_SLOTS_MAX } from './pending-requests.js';

const MASK = REQUEST_SLOTS_MAX - 1;

/** Requests of the peer that were not answered yet, found by id when it cancels one. */
export class OpenRequests {
  /** Made at the first request: most client ends never serve any. */
  #slots: (IncomingRequest | undefined)[] = [];
  #count = 0;

  /** Requests that wait for an answer. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes a request in.
   *
   * @returns false when an outstanding request has the same slot: the peer broke the rule
   */
  add(request: IncomingRequest): boolean {
    if (this.#slots.length === 0) {
      this.#slots = Array.from({ length: REQUEST_SLOTS_MAX }, () => undefined);
    }
    const slot = request.id & MASK;
    if (this.#slots[slot] !== undefined) return false;
    this.#slots[slot] = request;
    this.#count++;
    return true;
  }

  /** The open request with this id. */
  find(id: number): IncomingRequest | undefined {
    const request = this.#slots[id & MASK];
    return request?.id === id ? request : undefined;
  }

  /** Takes a request out; without effect when it is not in. */
  remove(request: IncomingRequest): void {
    const slot = request.id & MASK;
    if (this.#slots[slot] !== request) return;
    this.#slots[slot] = undefined;
    this.#count--;
  }

  /** Takes all out. */
  takeAll(): IncomingRequest[] {
    const all = this.#slots.filter((request) => request !== undefined);
    this.#slots = [];
    this.#count = 0;
    return all;
  }
}
