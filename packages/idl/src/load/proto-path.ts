import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/**
 * Folders that come with the tool: our own `proto/`, then the google files that protobufjs ships.
 */
export function shippedProtoPaths(): readonly string[] {
  const own = fileURLToPath(new URL('../../proto', import.meta.url));
  return [own, dirname(require.resolve('protobufjs/package.json'))];
}

/**
 * Where an import name was found: the file, and the folder of the proto path that it is relative
 * to.
 */
export interface FoundProto {
  readonly path: string;
  readonly importName: string;
}

/** Looks a name of an `import` statement up in the folders, first hit wins. */
export function findImport(importName: string, folders: readonly string[]): FoundProto | undefined {
  if (!isCleanImportName(importName)) return undefined;
  for (const folder of folders) {
    const path = join(folder, importName);
    if (existsSync(path)) return { path, importName };
  }
  return undefined;
}

/**
 * Import names are relative, with `/` between the parts, and without `.` and `..` (as in protoc).
 */
export function isCleanImportName(importName: string): boolean {
  const parts = importName.split('/');
  return !importName.includes('\\') && parts.every((part) => !['', '.', '..'].includes(part));
}

/**
 * Import name of a file given on the command line: its path relative to the first folder of the
 * proto path that holds it. Undefined if none does.
 */
export function importNameOf(path: string, folders: readonly string[]): string | undefined {
  for (const folder of folders) {
    const name = relative(resolve(folder), resolve(path)).split(sep).join('/');
    if (isCleanImportName(name) && !name.includes(':')) return name;
  }
  return undefined;
}

/** Path for messages: relative to `cwd` if the file is below it, else as it is. */
export function displayPath(path: string, cwd: string): string {
  const fromCwd = relative(cwd, resolve(path));
  return fromCwd.startsWith('..') ? resolve(path) : fromCwd;
}

/** Reads a file that was found. Throws what `readFileSync` throws. */
export function readProto(path: string): string {
  return readFileSync(path, 'utf8');
}
