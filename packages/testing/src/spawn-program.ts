import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { AnswerMessage, Commands, PlainError } from './program-commands.js';
import { quiet, within } from './wait-until.js';

/** How to start a program. */
export interface SpawnOptions {
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** User and group; only root can choose. */
  readonly uid?: number;
  readonly gid?: number;
  /** A command that runs the program, such as `unshare` with its options. */
  readonly wrapper?: readonly [string, ...string[]];
}

/** How a program ended, and when this process was told. */
export interface ProgramExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** On `performance.now()`'s clock. */
  readonly atMs: number;
}

/** What a program answered instead of a result. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code: string | undefined;
  readonly executed: string | undefined;
  readonly sent: boolean | undefined;

  constructor(error: PlainError) {
    super(`${error.name}: ${error.message}`);
    this.code = error.code;
    this.executed = error.executed;
    this.sent = error.sent;
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starting Node on a busy machine may take a while. */
const START_MS = 15_000;

/** A child process that obeys: `call` runs one of its commands. */
export class Program<C extends Commands> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  /** Settles when it is ready for commands. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended. */
  readonly exited: Promise<ProgramExit>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal, atMs: performance.now() }));
    });
    const readySoon = new Promise<void>((resolve, reject) => {
      child.on('message', (message: AnswerMessage) => {
        if (message.kind === 'ready') resolve();
        else this.#take(message);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(this.#fail(signal ?? code)));
    });
    this.ready = quiet(within('a program to start', readySoon, START_MS));
  }

  /** Its process id. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('The program did not start');
    return pid;
  }

  /** Runs a command. @throws ProgramError with what the command threw */
  call<K extends keyof C & string>(
    name: K,
    argument?: Parameters<C[K]>[0],
  ): Promise<Awaited<ReturnType<C[K]>>> {
    const id = this.#nextId++;
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, name, argument }, (error) => {
        if (error !== null && this.#waiting.delete(id)) reject(error);
      });
    });
    return quiet(answered as Promise<Awaited<ReturnType<C[K]>>>);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Lets it end by itself, and kills it when it does not. */
  async close(): Promise<ProgramExit> {
    if (this.#child.connected) this.#child.disconnect();
    try {
      return await within('a program to end', this.exited);
    } catch (error) {
      this.kill();
      await this.exited;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** It has ended: nothing will be answered any more. */
  #fail(why: string | number | null): Error {
    const error = new Error(`The program ended: ${why}`);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    return error;
  }

  #take(message: Exclude<AnswerMessage, { kind: 'ready' }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'value') waiting?.resolve(message.value);
    else waiting?.reject(new ProgramError(message.error));
  }
}

/** Ends a program that may have a port, as far as it lives. */
export async function endProgram(
  program: Program<{ readonly closePort: () => unknown }>,
): Promise<void> {
  await program.call('closePort').catch(() => undefined);
  await program.close();
}

/**
 * Starts a program of this package and waits until it is ready.
 *
 * @param name of the file in `programs`, without suffix
 */
export async function spawnProgram<C extends Commands>(
  name: string,
  options: SpawnOptions = {},
): Promise<Program<C>> {
  const file = fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
  const { env, wrapper = [], ...user } = options;
  const [command, ...words] = [...wrapper, process.execPath, file];
  const child = spawn(command ?? process.execPath, words, {
    ...user,
    env: { ...process.env, ...env },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const program = new Program<C>(child);
  await program.ready;
  return program;
}
