import { closeSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import type { StatusCode } from '@portcall/wire';

import type { CloseOptions } from './port-end.js';
import { DRAIN_MS } from './port-options.js';
import type { QuickOptions, QuickOrder, QuickReport, QuickStart } from './quick-start.js';

/** Threads at once unless told otherwise. */
const THREADS_MAX = 4;

/** How much longer a thread may take than its calls, before it is ended, in milliseconds. */
const GRACE_MS = 1000;

const ENTRY = fileURLToPath(new URL('./quick-thread.js', import.meta.url));

/** One client with its thread. */
export class QuickConnection {
  readonly #worker: Worker;
  /** Resolves when the thread has ended, however it did. */
  readonly ended: Promise<void>;

  constructor(start: QuickStart) {
    const { fd, passedFd } = start.detached;
    const worker = new Worker(ENTRY, { workerData: start });
    this.#worker = worker;
    let isAttached = false;
    worker.on('message', (report: QuickReport) => (isAttached ||= report.kind === 'attached'));
    // A handler that throws out of band ends its own client's thread, and is a warning here.
    worker.on('error', (error) => process.emitWarning(error, 'PortcallHandlerWarning'));
    this.ended = new Promise((resolve) => {
      worker.once('exit', () => {
        // Its thread did not come to taking the descriptors over.
        if (!isAttached) for (const descriptor of [fd, passedFd]) closeSync(descriptor);
        resolve();
      });
    });
  }

  /** Says goodbye with a status: the client is told. */
  close(status: number): void {
    this.#order({ kind: 'close', status, drainMs: 0 });
  }

  /** From now on its requests are refused with this; `undefined`: not any more. */
  set refusal(code: StatusCode | undefined) {
    this.#order({ kind: 'refuse', code });
  }

  /** Lets its calls finish, then ends it; the thread at the latest a moment later. */
  async drain(drainMs: number): Promise<void> {
    this.#order({ kind: 'close', status: 0, drainMs });
    const timer = setTimeout(() => void this.#worker.terminate(), drainMs + GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  #order(order: QuickOrder): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    this.#worker.postMessage(order);
  }
}

/** The threads of a port whose clients asked for one. */
export class QuickThreads {
  readonly #options: QuickOptions;
  readonly #connections = new Set<QuickConnection>();

  constructor(options: QuickOptions) {
    this.#options = options;
  }

  /** Clients that have a thread now. */
  get count(): number {
    return this.#connections.size;
  }

  /** Whether one more client can have a thread. */
  get hasPlace(): boolean {
    return this.#connections.size < (this.#options.maxThreads ?? THREADS_MAX);
  }

  /** Gives a client a thread. */
  start(start: Omit<QuickStart, 'module'>): QuickConnection {
    const { module } = this.#options;
    const url = typeof module === 'string' ? moduleUrl(module) : module.href;
    const connection = new QuickConnection({ ...start, module: url });
    this.#connections.add(connection);
    void connection.ended.then(() => this.#connections.delete(connection));
    return connection;
  }

  /** Ends all. */
  async close(options: CloseOptions): Promise<void> {
    const drainMs = options.drainMs ?? DRAIN_MS;
    await Promise.all([...this.#connections].map((connection) => connection.drain(drainMs)));
  }
}

function moduleUrl(module: string): string {
  return module.startsWith('file:') ? module : pathToFileURL(module).href;
}
