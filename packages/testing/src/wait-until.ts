import { setTimeout as sleep } from 'node:timers/promises';

/** How long anything may take that has no limit of its own. Generous: machines are shared. */
export const DEADLINE_MS = 5000;

const POLL_MS = 1;

/** Waits for a condition. @throws Error naming `what` when it does not hold in time */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${deadlineMs} ms for ${what}`);
    await sleep(POLL_MS);
  }
}

/** Waits for a promise. @throws Error naming `what` when it does not settle in time */
export function within<T>(what: string, promise: Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`Waited ${deadlineMs} ms for ${what}`));
    }, deadlineMs);
  });
  return quiet(Promise.race([promise, late]).finally(() => clearTimeout(timer)));
}

/** What a promise rejects with. @throws Error when it resolves, or does not settle in time */
export function rejectionOf(what: string, promise: Promise<unknown>): Promise<unknown> {
  const error = promise.then(
    () => {
      throw new Error(`Expected ${what} to fail, and it did not`);
    },
    (reason: unknown) => reason,
  );
  return within(what, error);
}

/** The same promise: when a test fails before it looks at it, that is one failure, not two. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
