import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
  type BigIntStats,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';

import type { PlaceFiles } from './port-place.js';
import type { PortName } from './port-name.js';
import type { SocketAccess } from './socket-access.js';

/** Leftovers of dead processes are not touched before: their process id may be of elsewhere. */
const LEFTOVER_MS = 60_000;

/** Directories and files on their way into place: the maker's process id in base 36, and chance. */
const TEMPORARY = /^\.new-([0-9a-z]{1,7})-[A-Za-z0-9]{1,8}$/;

/** Leaves in a directory on their way: the socket and the sidecar. */
const NEST_LEAVES = ['s', 'n'];

/** What distinguishes a file from another at the same path. */
export type FileId = Pick<BigIntStats, 'dev' | 'ino'>;

/** The file at a path, links not followed; `undefined` when there is none. */
export function fileIdOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Whether the file at the path is this one. */
export function isFile(path: string, id: FileId | undefined): boolean {
  const found = fileIdOf(path);
  return found !== undefined && found.ino === id?.ino && found.dev === id.dev;
}

/** Removes a file only if it is this one: somebody may have put another in its place. */
export function unlinkIf(path: string, id: FileId | undefined): void {
  if (isFile(path, id)) unlinkSync(path);
}

/**
 * What is at a path that is no file of ours to use or replace, in words; `undefined` when nothing
 * is, or a file that a port of this user has there.
 *
 * A link could lead our writing elsewhere, and a second name could make us change, or lock, a file
 * that somebody else means.
 */
export function squatterAt(path: string, wanted: 'socket' | 'file'): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const kind = kindOf(stats);
  if (kind !== (wanted === 'socket' ? 'socket' : 'regular file')) {
    return `${path} is a ${kind}`;
  }
  const own = process.geteuid?.();
  if (own !== undefined && stats.uid !== own) return `user ${stats.uid} owns ${path}`;
  if (stats.nlink > 1) return `${path} is a hard link, one of ${stats.nlink}`;
  return undefined;
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'socket';
  if (stats.isFile()) return 'regular file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symbolic link';
  return stats.isFIFO() ? 'pipe' : 'device';
}

/** A private directory in which a socket gets ready. */
export class Nest {
  readonly #path: string;
  /** Where the socket is made. */
  readonly socket: string;

  /** @throws the system's error */
  constructor(directory: string) {
    // Of mode 700 whatever the umask: nobody reaches the socket before it has its own mode.
    this.#path = mkdtempSync(join(directory, `.new-${process.pid.toString(36)}-`));
    this.socket = join(this.#path, 's');
  }

  /**
   * Puts the socket into its place, over whatever is there, in one step.
   *
   * @returns what then is ours
   * @throws the system's error
   */
  moveIn(files: PlaceFiles, name: PortName, access: SocketAccess): PlacedFiles {
    if (access.gid !== undefined) {
      lchownSync(this.socket, process.geteuid?.() ?? 0, access.gid);
    }
    const sidecar = this.#placeSidecar(files, name);
    const socket = fileIdOf(this.socket);
    renameSync(this.socket, files.socket);
    return { socket, sidecar };
  }

  #placeSidecar(files: PlaceFiles, name: PortName): FileId | undefined {
    if (files.sidecar === undefined) return undefined;
    const path = join(this.#path, 'n');
    writeFileSync(path, `${name.path}\n`, { flag: 'wx', mode: 0o600 });
    if (name.namespace === 'system') chmodSync(path, 0o644);
    const id = fileIdOf(path);
    renameSync(path, files.sidecar);
    return id;
  }

  /** Removes the directory and what is left in it. */
  discard(): void {
    discardNest(this.#path);
  }
}

/** The files that an owner put into place. */
export interface PlacedFiles {
  readonly socket: FileId | undefined;
  readonly sidecar: FileId | undefined;
}

/** Removes what processes of this user left behind when they died in the middle of a claim. */
export function removeLeftovers(directory: string): void {
  const own = process.geteuid?.();
  for (const leaf of readdirSync(directory)) {
    const pid = Number.parseInt(TEMPORARY.exec(leaf)?.[1] ?? '', 36);
    if (!(pid > 0) || isAlive(pid)) continue;
    const path = join(directory, leaf);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.uid !== own) continue;
    if (Date.now() - stats.ctimeMs < LEFTOVER_MS) continue;
    if (stats.isDirectory()) discardNest(path);
    else if (stats.isFile()) unlinkQuietly(path);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Only what a nest holds is removed; a directory with anything else in it stays. */
function discardNest(path: string): void {
  for (const leaf of NEST_LEAVES) unlinkQuietly(join(path, leaf));
  try {
    rmdirSync(path);
  } catch {
    // It is gone, or not ours to empty.
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or it cannot be: the next claim tries again.
  }
}
