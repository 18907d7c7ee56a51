import { readFileSync } from 'node:fs';

/**
 * Who holds a lock file, in the file's own words: `<pid> <start time>`, or `flock <pid>` where the
 * kernel's lock is what counts. The start time tells a process from a later one with its number; 0
 * where it is not known.
 */
export interface LockOwner {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process; 0: not known. */
  readonly startTime: number;
  /** The process holds the kernel's lock. */
  readonly hasFlock: boolean;
}

/** Reads a lock file's text; `undefined` when it names nobody. */
export function parseLockOwner(text: string): LockOwner | undefined {
  const match = /^(flock )?([1-9]\d{0,9})(?: (\d{1,15}))?$/.exec(text);
  if (match === null) return undefined;
  const [, flock, pid, startTime = '0'] = match;
  return { pid: Number(pid), startTime: Number(startTime), hasFlock: flock !== undefined };
}

/** What this process writes into a lock file that no kernel lock protects. */
export function ownLockText(): string {
  return `${process.pid} ${readStartTime(process.pid) ?? 0}`;
}

/** Whether the process that the file names is alive, as far as anybody can tell. */
export function isLockOwnerAlive(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const startTime = readStartTime(owner.pid);
  return owner.startTime === 0 || startTime === undefined || startTime === owner.startTime;
}

/** Field 22 of `/proc/<pid>/stat`, counted from behind the name, which may hold anything. */
function readStartTime(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const startTime = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
    return Number.isSafeInteger(startTime) ? startTime : undefined;
  } catch {
    return undefined; // No /proc, or no such process.
  }
}
