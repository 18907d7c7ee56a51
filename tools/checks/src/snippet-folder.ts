import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import ts from 'typescript';

import { runCommand, type CommandResult } from './command.js';
import { isSource, listFiles } from './workspace.js';

const RUN_LIMIT_MS = 30_000;

/** A folder in which the blocks of one document are written and run, as one ES module package. */
export class SnippetFolder {
  readonly #path: string;
  readonly #root: string;

  /** Makes the folder. It belongs to the caller, who removes it. */
  constructor(path: string, root: string) {
    this.#path = path;
    this.#root = root;
    this.write('package.json', '{ "type": "module", "private": true }\n');
  }

  /** Writes a block under its name and gives the whole path. */
  write(name: string, code: string): string {
    const path = join(this.#path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
    return path;
  }

  /**
   * Runs a block that was written: a `.sh` with bash, stopping at its first error, anything else
   * with node. TypeScript, also what an earlier block generated, is translated first. The commands
   * of installed packages are in the path, and 30 seconds are the limit.
   */
  run(name: string): Promise<CommandResult> {
    this.#translate();
    const isShell = name.endsWith('.sh');
    const command = isShell ? 'bash' : process.execPath;
    const script = name.replace(/\.ts$/, '.js');
    const bin = join(this.#root, 'node_modules/.bin');
    return runCommand(command, isShell ? ['-euo', 'pipefail', script] : [script], {
      cwd: this.#path,
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
      timeoutMs: RUN_LIMIT_MS,
    });
  }

  #translate(): void {
    for (const file of listFiles(this.#path, '.')) {
      if (!file.endsWith('.ts') || !isSource(file)) continue;
      const text = readFileSync(join(this.#path, file), 'utf8');
      const { outputText } = ts.transpileModule(text, {
        fileName: file,
        compilerOptions: {
          target: ts.ScriptTarget.ES2023,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
        },
      });
      writeFileSync(join(this.#path, file.replace(/\.ts$/, '.js')), outputText);
    }
  }
}
