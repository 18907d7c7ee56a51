import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

/** How long closed descriptors may take to be gone. */
const SETTLE_MS = 3000;

/** What this process has open of the kinds that these tests make. */
export function openDescriptors(): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (/^(\/|socket:|pipe:|anon_inode:\[pidfd|pidfd:)/.test(target)) {
        found.push(`${fd} ${target}`);
      }
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return found;
}

/** Waits until the process has open what it had before. */
export async function expectDescriptors(base: readonly string[]): Promise<void> {
  const giveUpAt = performance.now() + SETTLE_MS;
  while (openDescriptors().join() !== base.join() && performance.now() < giveUpAt) await sleep(2);
  expect(openDescriptors()).toEqual(base);
}
