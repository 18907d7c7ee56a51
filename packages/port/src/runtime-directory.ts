import { chmodSync, lstatSync, mkdirSync, realpathSync, type Stats } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { PortError, type StatusCode } from '@portcall/wire';

import type { PortNamespace } from './port-name.js';

/*
 * Why a directory is examined level by level, from / down.
 *
 * An entry can be changed by whoever may write to the directory that holds it; in a sticky one only
 * by the entry's owner, the directory's owner, and root. So once a level is known to be a real
 * directory (no link, which could be turned elsewhere between our look and our use) that only root
 * and we can write to, or a sticky one of theirs, nobody else can exchange the entry that we look
 * at next, if that is owned by root or us again: what we saw there stays true. / itself cannot be
 * exchanged. One level left out would void the rest: its owner could put another tree in its place.
 */

/** Permission bits that nobody but the owner may have on the session's directory. */
const OTHERS_MASK = 0o077;

/** Permission bits by which others could exchange the entries of a directory. */
const OTHERS_WRITE_MASK = 0o022;

const STICKY = 0o1000;

/** Where system ports live. Source: `docs/PROTOCOL.md` 1. */
const SYSTEM_DIRECTORY = '/run/portcall';

/**
 * Where this user's ports live: `$PORTCALL_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/portcall`, else
 * `portcall-<uid>` in the system's directory for temporary files.
 */
export function runtimeDirectory(): string {
  const own = process.env['PORTCALL_RUNTIME_DIR'];
  if (own !== undefined && own !== '') return own;
  const session = process.env['XDG_RUNTIME_DIR'];
  if (session !== undefined && session !== '') return join(session, 'portcall');
  return join(temporaryDirectory(), `portcall-${process.getuid?.() ?? userInfo().username}`);
}

/** Without links: on some systems /tmp is one, which the level check would refuse. */
function temporaryDirectory(): string {
  try {
    return realpathSync(tmpdir());
  } catch {
    return tmpdir();
  }
}

/**
 * Where the files of a namespace's ports live, in absolute form.
 *
 * @param directory the user's choice, if there is one
 */
export function portDirectory(namespace: PortNamespace, directory?: string): string {
  if (directory !== undefined) return resolve(directory);
  if (namespace !== 'system') return resolve(runtimeDirectory());
  const other = process.env['PORTCALL_SYSTEM_DIR'];
  return resolve(other !== undefined && other !== '' ? other : SYSTEM_DIRECTORY);
}

/**
 * Makes the directory of a namespace if it is not there, and makes sure that it is what the
 * namespace needs: for `system`, root's, and writable by root only; else ours alone.
 *
 * The check matters most in a shared directory for temporary files, where anybody could have made
 * it first. The mode is right whatever the umask is.
 *
 * @throws PortError ACCESS_DENIED when it cannot be made, or is not trustworthy at some level
 */
export function ensurePortDirectory(directory: string, namespace: PortNamespace): void {
  const own = process.geteuid?.() ?? -1;
  const owners = namespace === 'system' ? [0] : [0, own];
  const levels = process.platform === 'win32' ? [directory] : levelsOf(directory);
  const fail = (why: string, cause?: unknown): PortError => {
    return unusable(directory, why, { namespace, cause });
  };
  for (const level of levels) {
    const stats = ensureLevel(level, namespace === 'system' ? 0o755 : 0o700, fail);
    if (process.platform === 'win32') return;
    const why = levelFault(level, stats, { owners, isLast: false });
    if (why !== undefined) throw fail(why);
    if (level !== directory) continue;
    if (namespace !== 'system' && stats.uid !== own) {
      throw fail(`user ${stats.uid} owns it, this is user ${own}`);
    }
    const mask = namespace === 'system' ? OTHERS_WRITE_MASK : OTHERS_MASK;
    const wanted = namespace === 'system' ? '755' : '700';
    if ((stats.mode & mask) !== 0) throw fail(`its mode is ${modeText(stats)}, wanted ${wanted}`);
  }
}

/** What a client knows of where a server should be. */
export interface ServerDirectoryOptions {
  readonly namespace: PortNamespace;
  /** User that the client explicitly requires the server to be. */
  readonly requiredUid?: number | undefined;
  /** For messages. */
  readonly portName: string;
}

/**
 * Makes sure, before a client connects, that nobody but root, this user, and the user whom it
 * requires the server to be, can have put a socket into the directory. Such a user is trusted with
 * the directory because it is the one that the client wants to reach there.
 *
 * @throws PortError PORT_NOT_FOUND when there is no such directory, SERVER_IDENTITY_MISMATCH when
 * somebody else owns a level, ACCESS_DENIED when it may not be searched, or others can change it
 */
export function checkServerDirectory(directory: string, options: ServerDirectoryOptions): void {
  if (process.platform === 'win32') return;
  const { namespace, requiredUid, portName } = options;
  const owners = namespace === 'system' ? [0] : [0, process.geteuid?.() ?? -1];
  if (requiredUid !== undefined) owners.push(requiredUid);
  const fail = (code: StatusCode, why: string, cause?: unknown): PortError => {
    const text = `Cannot connect to port "${portName}": ${why}`;
    return new PortError(code, text, { portName, executed: 'no', cause });
  };
  for (const level of levelsOf(directory)) {
    let stats: Stats;
    try {
      stats = lstatSync(level);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        throw fail('PORT_NOT_FOUND', `there is no directory ${level} (${code})`, error);
      }
      throw fail('ACCESS_DENIED', `${level} cannot be examined (${code})`, error);
    }
    const isLink = stats.isSymbolicLink();
    if (!isLink && !stats.isDirectory()) {
      throw fail('PORT_NOT_FOUND', `${level} is not a directory`);
    }
    const why = levelFault(level, stats, { owners, isLast: level === directory });
    const foreign = !isLink && !owners.includes(stats.uid);
    if (why !== undefined) throw fail(foreign ? 'SERVER_IDENTITY_MISMATCH' : 'ACCESS_DENIED', why);
  }
}

/** Every directory on the way, `/` first, the directory itself last. */
function levelsOf(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [...levelsOf(parent), directory];
}

function levelFault(
  level: string,
  stats: Stats,
  rule: { readonly owners: readonly number[]; readonly isLast: boolean },
): string | undefined {
  if (stats.isSymbolicLink()) return `${level} is a symbolic link`;
  if (!stats.isDirectory()) return `${level} is not a directory`;
  if (!rule.owners.includes(stats.uid)) {
    const wanted = [...new Set(rule.owners)].join(' or ');
    return `user ${stats.uid} owns ${level}, wanted user ${wanted}`;
  }
  // Nobody else can exchange what is in a sticky directory, but anybody can add to it.
  const sticky = !rule.isLast && (stats.mode & STICKY) !== 0;
  if (sticky || (stats.mode & OTHERS_WRITE_MASK) === 0) return undefined;
  return `others can write to ${level}: its mode is ${modeText(stats)}`;
}

/** The level above was checked: nobody else can exchange what is made here. */
function ensureLevel(
  level: string,
  mode: number,
  fail: (why: string, cause?: unknown) => PortError,
): Stats {
  try {
    const found = lstatSync(level, { throwIfNoEntry: false });
    if (found !== undefined) return found;
    mkdirSync(level, { mode, recursive: process.platform === 'win32' });
    chmodSync(level, mode); // The umask may have taken bits away.
  } catch (error) {
    // Another process of ours may have been faster.
    if (errnoOf(error) !== 'EEXIST') throw fail(`${level}: ${errnoOf(error)}`, error);
  }
  try {
    return lstatSync(level);
  } catch (error) {
    throw fail(`${level}: ${errnoOf(error)}`, error);
  }
}

/** What `unusable` may say besides the reason. */
export interface UnusableDetails {
  readonly namespace: PortNamespace;
  readonly cause?: unknown;
}

/** The PortError for a directory that cannot serve. */
export function unusable(directory: string, why: string, details: UnusableDetails): PortError {
  const { namespace, cause } = details;
  const [kind, hint] =
    namespace === 'system'
      ? ['system', 'system ports are created by root, in a directory that only root can write']
      : ['runtime', 'set PORTCALL_RUNTIME_DIR to a directory that only this user can write'];
  const text = `Cannot use ${kind} directory ${directory}: ${why}; ${hint}`;
  return new PortError('ACCESS_DENIED', text, { cause });
}

/** Symbolic errno of a system error, for messages. */
export function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function modeText(stats: Stats): string {
  return (stats.mode & 0o777).toString(8);
}
