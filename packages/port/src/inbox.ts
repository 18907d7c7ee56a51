import { PortError, TIMEOUT_MS_MAX } from '@portcall/wire';

import { canceled } from './request-errors.js';
import type { PortMessage, ReceiveOptions } from './port-end.js';

interface Waiter {
  readonly take: (message: PortMessage) => void;
  readonly fail: (error: PortError) => void;
}

/** Where messages are taken from, one by one. */
export interface MessageQueue {
  /** The next message in its order; `undefined` when there is none now. */
  shift(): PortMessage | undefined;
}

/** Those who wait for messages of a queue; the one that waits longest gets the next. */
export class Receivers {
  readonly #queue: MessageQueue;
  readonly #portName: string;
  readonly #waiters: Waiter[] = [];
  #hasEnded = false;
  #isUsed = false;

  constructor(queue: MessageQueue, portName: string) {
    this.#queue = queue;
    this.#portName = portName;
  }

  /** Whether anybody has ever received. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /**
   * The next message, now or later.
   *
   * @returns `undefined` when the time is over
   * @throws PortError DISCONNECTED when there will be none, CANCELED
   */
  receive(options: ReceiveOptions = {}): Promise<PortMessage | undefined> {
    this.#isUsed = true;
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = options;
      if (signal?.aborted) throw canceled(this.#portName, false, signal.reason);
      const message = this.#waiters.length === 0 ? this.#queue.shift() : undefined;
      if (message !== undefined) {
        resolve(message);
        return;
      }
      if (this.#hasEnded) throw this.#ended();
      if (timeoutMs !== undefined && timeoutMs <= 0) {
        resolve(undefined);
        return;
      }
      let timer: NodeJS.Timeout | undefined;
      const leave = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        const index = this.#waiters.indexOf(waiter);
        if (index >= 0) this.#waiters.splice(index, 1);
      };
      const waiter: Waiter = {
        take: (taken) => {
          leave();
          resolve(taken);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => waiter.fail(canceled(this.#portName, false, signal?.reason));
      signal?.addEventListener('abort', onAbort, { once: true });
      if (timeoutMs !== undefined && timeoutMs !== Infinity) {
        timer = setTimeout(
          () => {
            leave();
            resolve(undefined);
          },
          Math.min(timeoutMs, TIMEOUT_MS_MAX),
        );
      }
      this.#waiters.push(waiter);
    });
  }

  /** Messages may have come: hands them out to those who wait. */
  wake(): void {
    for (;;) {
      const [waiter] = this.#waiters;
      const message = waiter === undefined ? undefined : this.#queue.shift();
      if (waiter === undefined || message === undefined) return;
      waiter.take(message);
    }
  }

  /** No more messages will come but those in the queue. */
  end(): void {
    this.wake();
    this.#hasEnded = true;
    for (const waiter of this.#waiters.slice()) waiter.fail(this.#ended());
  }

  #ended(): PortError {
    const portName = this.#portName;
    return new PortError('DISCONNECTED', `Cannot receive from port "${portName}": it is closed`, {
      portName,
    });
  }
}
