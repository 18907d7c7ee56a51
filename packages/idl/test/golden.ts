import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder with one folder per feature: `.proto` files, and below `out` what they must give. */
export const GOLDEN = fileURLToPath(new URL('../golden', import.meta.url));

/** Names of the features that have golden output. */
export function goldenFeatures(): string[] {
  return readdirSync(GOLDEN).filter((name) => statSync(join(GOLDEN, name)).isDirectory());
}

/** Content of every file below a folder, by relative path. */
export function readTree(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (path: string): void => {
    for (const name of readdirSync(path).toSorted()) {
      const full = join(path, name);
      if (statSync(full).isDirectory()) visit(full);
      else files.set(relative(folder, full), readFileSync(full).toString('latin1'));
    }
  };
  visit(folder);
  return files;
}
