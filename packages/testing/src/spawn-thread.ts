import { Worker } from 'node:worker_threads';

import type { ThreadTask } from './programs/port-thread.js';
import { quiet, within } from './wait-until.js';

/** A worker thread with a port. */
export interface PortThread {
  readonly worker: Worker;
  /** What it posts first: that it is ready, or what it came to. */
  readonly posted: Promise<unknown>;
  /** Resolves when it has ended. */
  readonly exited: Promise<number>;
}

/** Starts a thread with a port or a connection. */
export function spawnThread(task: ThreadTask): PortThread {
  const file = new URL('./programs/port-thread.js', import.meta.url);
  const worker = new Worker(file, { workerData: task, execArgv: [] });
  const posted = new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  return {
    worker,
    posted: quiet(within('the thread', posted)),
    exited: quiet(within('the thread to end', exited)),
  };
}
