import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where results go unless the command line says otherwise, in the working directory. */
const RESULTS_DIRECTORY = 'bench-results';

/** A file of results to write. */
export interface ResultFile {
  readonly extension: 'json' | 'svg';
  readonly content: string;
  /** The one place it goes to; when left out, the default ones. */
  readonly path: string | undefined;
  /** When the run began, in ISO 8601: the file's name by default. */
  readonly startedAt: string;
}

/** Writes a file where it belongs, folders included. @returns the paths */
export function writeResult(file: ResultFile): readonly string[] {
  const paths = file.path === undefined ? defaultPaths(file) : [file.path];
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.content);
  }
  return paths;
}

function defaultPaths({ extension, startedAt }: ResultFile): string[] {
  // Colons are not for file names everywhere.
  const stamp = startedAt.replaceAll(':', '-');
  return [stamp, 'latest'].map((leaf) => join(RESULTS_DIRECTORY, `${leaf}.${extension}`));
}
