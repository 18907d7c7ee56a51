import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition. @throws Error naming `what` when it does not hold in time */
export async function waitUntil(
  what: string,
  condition: () => boolean,
  deadlineMs = 5000,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${deadlineMs} ms for ${what}`);
    await sleep(1);
  }
}
