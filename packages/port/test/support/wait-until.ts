import { setTimeout as sleep } from 'node:timers/promises';

/** How long anything may take that has no limit of its own. Generous: machines are shared. */
const DEADLINE_MS = 10_000;

/** Waits for a condition. @throws Error naming `what` when it does not hold in time */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpAt = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${DEADLINE_MS} ms for ${what}`);
    await sleep(1);
  }
}
