import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** The fields of a package.json that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>> | string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package of this repository. */
export interface WorkspacePackage {
  /** The name as in package.json: `@portcall/wire`. */
  readonly name: string;
  /** The name as in the table of floors: `wire`. */
  readonly shortName: string;
  /** Path from the repository's root: `packages/wire`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

const SOURCE_NAME = /\.[cm]?[jt]sx?$/;
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(['node_modules', 'dist', '.git', '.nx']);

/** Lists the packages in one folder of the repository, in the order of their names. */
export function listPackages(root: string, parent = 'packages'): WorkspacePackage[] {
  if (!existsSync(join(root, parent))) return [];
  return readdirSync(join(root, parent))
    .toSorted()
    .filter((entry) => existsSync(join(root, parent, entry, 'package.json')))
    .map((entry) => {
      const folder = `${parent}/${entry}`;
      const text = readFileSync(join(root, folder, 'package.json'), 'utf8');
      const manifest = JSON.parse(text) as Manifest;
      return { name: manifest.name, shortName: shortName(manifest.name), folder, manifest };
    });
}

/** Gives the name that the table of floors uses: without the scope. */
export function shortName(packageName: string): string {
  return packageName.replace(/^@portcall\//, '');
}

/**
 * Lists every file below a folder, as sorted paths from the root with `/`. Folders that hold what
 * was installed or built are left out; a missing folder has no files.
 */
export function listFiles(root: string, folder: string): string[] {
  const found: string[] = [];
  const pending = [join(root, folder)];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!existsSync(next)) continue;
    for (const entry of readdirSync(next, { withFileTypes: true })) {
      const path = join(next, entry.name);
      if (entry.isFile()) found.push(relative(root, path).split(sep).join('/'));
      else if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) pending.push(path);
    }
  }
  return found.toSorted();
}

/**
 * Tells whether a path names a TypeScript or JavaScript source, declarations (`.d.ts`) left out.
 */
export function isSource(path: string): boolean {
  return SOURCE_NAME.test(path) && !/\.d\.[cm]?ts$/.test(path);
}

/** Tells whether a path belongs to the tests: `*.test.ts`, or anything in a folder `test`. */
export function isTest(path: string): boolean {
  return /\.test\.[cm]?[jt]sx?$/.test(path) || hasFolder(path, 'test');
}

/** Tells whether a path was generated from a `.proto`. */
export function isGenerated(path: string): boolean {
  return hasFolder(path, 'gen');
}

/** Tells whether one of the folders in a path has this name. */
export function hasFolder(path: string, name: string): boolean {
  return path.split('/').slice(0, -1).includes(name);
}
