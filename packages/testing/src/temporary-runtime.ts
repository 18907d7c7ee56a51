import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh runtime directory, for one test. */
export interface TemporaryRuntime {
  readonly directory: string;
  /** What is in it, at any depth. */
  list(): string[];
  /** Removes what is in it: what a killed server leaves. */
  clear(): void;
  /** Removes it. @throws Error when something had been left in it */
  remove(): void;
  /** Removes it with whatever is in it: for tests that kill servers. */
  discard(): void;
}

/** Makes a runtime directory of mode 700, short enough for socket paths. */
export function createTemporaryRuntime(): TemporaryRuntime {
  const directory = mkdtempSync(join(tmpdir(), 'pc-'));
  const list = (): string[] => readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const discard = (): void => rmSync(directory, { recursive: true, force: true });
  return {
    directory,
    list,
    discard,
    clear() {
      for (const leaf of readdirSync(directory)) rmSync(join(directory, leaf), { recursive: true });
    },
    remove() {
      const left = list();
      discard();
      if (left.length > 0) throw new Error(`Left in the runtime directory: ${left.join(', ')}`);
    },
  };
}
