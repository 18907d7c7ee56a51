import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';

import type { FileLock } from './contract.js';
import { isLockOwnerAlive, ownLockText, parseLockOwner, type LockOwner } from './lock-owner.js';

/**
 * A lock file that names its owner: for platforms where no kernel lock is at hand.
 *
 * Best effort: a dead owner's lock is taken over; where no start time is known, the reuse of its
 * pid delays that. Whoever takes the lock must still ask the socket itself whether somebody
 * listens.
 *
 * @returns `undefined` when a live process has it
 * @throws the system's error when the directory cannot be written
 */
export function tryPidLock(path: string): FileLock | undefined {
  const own = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(own, ownLockText(), { flag: 'wx', mode: 0o600 });
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
      if (ownerOf(path)?.pid === process.pid) unlinkSync(path);
    },
  };
}

function ownerOf(path: string): LockOwner | undefined {
  try {
    return parseLockOwner(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // Gone, which is as good as dead.
  }
}

function ownerLives(path: string): boolean {
  const owner = ownerOf(path);
  return owner !== undefined && isLockOwnerAlive(owner);
}
