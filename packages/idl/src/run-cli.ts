import { Command, CommanderError } from 'commander';
import { check } from './check.js';
import { IdlError } from './diagnostics/idl-error.js';
import { generate } from './generate.js';

/** What the command writes to, and where it runs. */
export interface CliIo {
  readonly cwd: string;
  /** Whether a progress line is wanted: only on a terminal. */
  readonly isTerminal: boolean;
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/**
 * Runs the command `portcall-idl` with the arguments behind its name. Returns the exit code, 0 or
 * 1.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    if (error instanceof IdlError) {
      const count = error.findings.length;
      io.writeError(`${error.message}\n\n${count} ${count === 1 ? 'error' : 'errors'}\n`);
    } else {
      io.writeError(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    return 1;
  }
}

function createProgram(io: CliIo): Command {
  const program = new Command('portcall-idl')
    .description('From .proto files to typed Portcall stubs')
    .exitOverride()
    .configureOutput({ writeOut: io.writeOut, writeErr: io.writeError });
  addGenerate(program, io);
  addCheck(program, io);
  return program;
}

function addGenerate(program: Command, io: CliIo): void {
  withProtoPath(program.command('generate'))
    .description('generate TypeScript for messages and services')
    .argument('<files...>', '.proto files; patterns with * are expanded')
    .requiredOption('--out <dir>', 'folder for the generated files')
    .action(async (files: string[], options: { out: string; protoPath?: string[] }) => {
      const line = new ProgressLine(io);
      try {
        const onProgress = (text: string): void => line.show(text);
        const { cwd } = io;
        const protoPaths = options.protoPath;
        const result = await generate({ files, protoPaths, cwd, outDir: options.out, onProgress });
        line.show(`${result.files.length} files, ${result.written.length} written`);
      } finally {
        line.end();
      }
    });
}

function addCheck(program: Command, io: CliIo): void {
  withProtoPath(program.command('check'))
    .description('check files without generating anything')
    .argument('<files...>', '.proto files; patterns with * are expanded')
    .action((files: string[], options: { protoPath?: string[] }) => {
      const findings = check({ files, protoPaths: options.protoPath, cwd: io.cwd });
      if (findings.length > 0) throw new IdlError(findings);
    });
}

function withProtoPath(command: Command): Command {
  return command.option(
    '-I, --proto-path <dir>',
    'folder that imports start from (repeatable; default: the working directory)',
    (folder: string, folders: string[] | undefined) => [...(folders ?? []), folder],
  );
}

/** One line on a terminal that is written over; nothing at all elsewhere. */
class ProgressLine {
  readonly #io: CliIo;
  #isOpen = false;

  constructor(io: CliIo) {
    this.#io = io;
  }

  show(text: string): void {
    if (!this.#io.isTerminal) return;
    this.#io.writeError(`\r\u001b[Kportcall-idl: ${text}`);
    this.#isOpen = true;
  }

  end(): void {
    if (this.#isOpen) this.#io.writeError('\n');
  }
}
