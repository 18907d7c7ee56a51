import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  type BigIntStats,
} from 'node:fs';

import type { FileLock } from './contract.js';

/** Who a lock file says its owner is. */
export interface LockOwner {
  /** `'pid'`: whoever is named, while it lives. `'flock'`: whoever has `flock(2)` on the file. */
  readonly kind: 'pid' | 'flock';
  readonly pid: number;
  /** Clock ticks between boot and the start of the process: a reused pid has another. */
  readonly startTime: number | undefined;
}

/** From making a lock file to writing into it takes microseconds, or a time slice or two. */
const YOUNG_MS = 500;

/** Longest text of a lock file that anybody reads. */
const TEXT_LENGTH_MAX = 100;

/**
 * A lock file that holds its owner's process id and start time: for processes that have no kernel
 * lock at hand.
 *
 * A dead owner's lock is taken over. The start time (Linux) tells an owner from a process that got
 * its id later; where there is none, that delays the takeover. Best effort: three processes that
 * take over from a dead one within microseconds may leave two owners; so whoever takes the lock
 * must still ask the socket itself whether somebody listens.
 *
 * @returns `undefined` when a live process has it
 * @throws the system's error when the directory cannot be written, or a file cannot be read
 */
export function tryPidLock(path: string): FileLock | undefined {
  // Named so that whoever looks after the directory removes it when we die right here.
  const own = temporaryBeside(path);
  writeFileSync(own, ownerText(), { flag: 'wx', mode: 0o600 });
  try {
    const inode = inodeOf(own);
    if (!tryLink(own, path)) {
      if (!removeDead(path) || !tryLink(own, path)) return undefined;
    }
    return lockAt(path, inode);
  } finally {
    unlinkSync(own);
  }
}

/** What a lock file says; `undefined` for one that names nobody. */
export function parseLockOwner(text: string): LockOwner | undefined {
  const found = /^(flock )?([1-9]\d{0,9})(?: (\d{1,15}))?\n?$/.exec(text);
  if (found === null) return undefined;
  const [, flock, pid, startTime] = found;
  return {
    kind: flock === undefined ? 'pid' : 'flock',
    pid: Number(pid),
    startTime: startTime === undefined ? undefined : Number(startTime),
  };
}

/**
 * Whether the process that a lock file names lives. Another user's counts; so does one whose start
 * time nobody knows, or may read.
 */
export function lockOwnerLives(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  const startTime = owner.startTime === undefined ? undefined : startTimeOf(owner.pid);
  return startTime === undefined || startTime === owner.startTime;
}

/** What the owner of a pid lock writes into its file: `<pid> <start time>`. */
function ownerText(): string {
  const startTime = startTimeOf(process.pid);
  return startTime === undefined ? `${process.pid}` : `${process.pid} ${startTime}`;
}

/** Field 22 of `/proc/<pid>/stat`, counted from behind the name, which may hold anything. */
function startTimeOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const startTime = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
    return Number.isSafeInteger(startTime) ? startTime : undefined;
  } catch {
    return undefined; // No /proc, or none that shows us this process.
  }
}

/** Atomic: fails when somebody has the path. */
function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Takes a dead owner's file away. It is moved aside first and looked at again there: another
 * process may have put a live lock in its place since we read it, and that is put back.
 */
function removeDead(path: string): boolean {
  const dead = inodeOf(path);
  if (dead !== undefined && ownerLives(path)) return false;
  const aside = temporaryBeside(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true; // Its owner, or another of us, removed it.
    throw error;
  }
  const moved = inodeOf(aside);
  const wrong = moved !== undefined && !sameInode(moved, dead);
  if (wrong) tryLink(aside, path);
  unlinkSync(aside);
  return !wrong;
}

function ownerLives(path: string): boolean {
  const text = readText(path);
  // Who takes the kernel lock makes the file first, then writes: an empty one may be on its way.
  if (text === '' && isYoung(path)) return true;
  const owner = parseLockOwner(text);
  return owner !== undefined && lockOwnerLives(owner);
}

/** Either way: the wall clock may have been set back. */
function isYoung(path: string): boolean {
  const changed = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Math.abs(Date.now() - changed) < YOUNG_MS;
}

/** Neither follows a link nor waits for the other end of a pipe. `''` when it is gone. */
function readText(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''; // Gone, which is as good as dead.
    throw error;
  }
  try {
    const bytes = Buffer.alloc(TEXT_LENGTH_MAX);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, TEXT_LENGTH_MAX, 0));
  } finally {
    closeSync(fd);
  }
}

function temporaryBeside(path: string): string {
  const random = Math.random().toString(36).slice(2, 10);
  const directory = path.slice(0, path.search(/[^/\\]*$/));
  return `${directory}.new-${process.pid.toString(36)}-${random}`;
}

function lockAt(path: string, inode: BigIntStats | undefined): FileLock {
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      try {
        // Only our own file: somebody may have replaced it since, even by one of the same number.
        if (sameInode(inodeOf(path), inode) && readText(path) === ownerText()) unlinkSync(path);
      } catch (error) {
        // Not ours to remove any more, after a change of user; it ends with this process.
        if (!['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) throw error;
      }
    },
  };
}

function inodeOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function sameInode(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
