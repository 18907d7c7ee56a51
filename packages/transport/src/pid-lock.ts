import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';

import type { FileLock } from './contract.js';

/**
 * A lock file that holds its owner's process id: for platforms where no kernel lock is at hand.
 *
 * Best effort: a dead owner's lock is taken over; the reuse of its pid delays that. Whoever takes
 * the lock must still ask the socket itself whether somebody listens.
 *
 * @returns `undefined` when a live process has it
 * @throws the system's error when the directory cannot be written
 */
export function tryPidLock(path: string): FileLock | undefined {
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(own, String(process.pid), { flag: 'wx', mode: 0o600 });
  try {
    linkSync(own, path); // Atomic: fails when somebody has it.
    unlinkSync(own);
    return lockAt(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || ownerLives(path)) {
      unlinkSync(own);
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw error;
    }
    renameSync(own, path);
    return lockAt(path);
  }
}

function lockAt(path: string): FileLock {
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      if (ownerOf(path) === process.pid) unlinkSync(path);
    },
  };
}

function ownerOf(path: string): number {
  try {
    // A process with the addon writes 'flock' before its own.
    return Number(readFileSync(path, 'utf8').replace(/^flock /, ''));
  } catch {
    return 0; // Gone, which is as good as dead.
  }
}

function ownerLives(path: string): boolean {
  const pid = ownerOf(path);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
