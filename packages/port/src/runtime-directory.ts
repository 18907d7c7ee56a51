import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { PortError } from '@portcall/wire';

/** Permission bits that nobody but the owner may have on the session's directory. */
const OTHERS_MASK = 0o077;

/**
 * Where this user's ports live: `$PORTCALL_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/portcall`, else
 * `portcall-<uid>` in the system's directory for temporary files.
 */
export function runtimeDirectory(): string {
  const own = process.env['PORTCALL_RUNTIME_DIR'];
  if (own !== undefined && own !== '') return own;
  const session = process.env['XDG_RUNTIME_DIR'];
  if (session !== undefined && session !== '') return join(session, 'portcall');
  return join(tmpdir(), `portcall-${process.getuid?.() ?? userInfo().username}`);
}

/**
 * Makes the directory if it is not there, and makes sure that it is ours alone.
 *
 * The check matters most in a shared directory for temporary files, where anybody could have made
 * it first.
 *
 * @throws PortError ACCESS_DENIED when it cannot be made, or is a link, or others can write there
 */
export function ensureRuntimeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(directory, `it cannot be made (${errnoOf(error)})`, error);
  }
  let stats: Stats;
  try {
    stats = lstatSync(directory);
  } catch (error) {
    throw unusable(directory, `it cannot be examined (${errnoOf(error)})`, error);
  }
  if (!stats.isDirectory()) throw unusable(directory, 'it is not a directory');
  if (process.platform === 'win32') return;
  const uid = process.getuid?.();
  if (stats.uid !== uid)
    throw unusable(directory, `user ${stats.uid} owns it, this is user ` + `${uid}`);
  if ((stats.mode & OTHERS_MASK) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    throw unusable(directory, `its mode is ${mode}, wanted 700`);
  }
}

/** The PortError for a runtime directory that cannot serve. */
export function unusable(directory: string, why: string, cause?: unknown): PortError {
  return new PortError(
    'ACCESS_DENIED',
    `Cannot use runtime directory ${directory}: ${why}; set PORTCALL_RUNTIME_DIR to a ` +
      `directory that only this user can write`,
    { cause },
  );
}

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
