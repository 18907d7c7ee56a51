import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { READY_LINE } from './answer-commands.js';

type Outcome = { readonly result: unknown } | { readonly error: string };

interface Waiting {
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

/** How long a child may take to become ready. */
const START_TIMEOUT_MS = 15_000;

/** How long a child may take to end by itself. */
const END_TIMEOUT_MS = 2000;

/**
 * A process that carries out commands one at a time; see `answerCommands` for its side.
 *
 * Owner: whoever started it; `close()` or `kill()` ends it.
 */
export class BenchChild {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  /** Resolves when the process has ended. */
  readonly #ended: Promise<void>;
  #waiting: Waiting | undefined;
  #hasEnded = false;

  private constructor(name: string, script: string, args: readonly string[]) {
    this.#name = name;
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // Writing to a child that is gone fails here; that it is gone is reported by 'exit'.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(line);
    });
    this.#ended = new Promise((resolve) => {
      const end = (why: string): void => {
        this.#hasEnded = true;
        this.#waiting?.reject(new Error(`Cannot use ${name}: ${why}`));
        this.#waiting = undefined;
        resolve();
      };
      this.#child.on('error', (error) => end(`it did not start (${error.message})`));
      this.#child.on('exit', (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
    });
  }

  /**
   * Starts a script and hands the child to `own` at once, so that it is ended whatever happens.
   *
   * @returns when it is ready
   * @throws Error when it ends or does not become ready in time
   */
  static async start(
    script: string,
    args: readonly string[],
    own: (child: BenchChild) => void,
  ): Promise<BenchChild> {
    const child = new BenchChild(`${args.join(' ')}`, script, args);
    own(child);
    const line = await child.#nextLine(START_TIMEOUT_MS);
    if (line !== READY_LINE) {
      throw new Error(`Cannot use ${child.#name}: its first line is "${line}", wanted "ready"`);
    }
    return child;
  }

  /** Has a command carried out. @throws Error with the child's words; when it ends or hangs */
  async ask(command: object, timeoutMs: number): Promise<unknown> {
    const answer = this.#nextLine(timeoutMs);
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const outcome = JSON.parse(await answer) as Outcome;
    if ('error' in outcome) throw new Error(outcome.error);
    return outcome.result;
  }

  /** Lets the process end by itself, or ends it when it does not. Safe to call twice. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const giveUp = new AbortController();
    await Promise.race([
      this.#ended,
      sleep(END_TIMEOUT_MS, undefined, { signal: giveUp.signal }).catch(() => undefined),
    ]);
    giveUp.abort();
    this.kill();
    await this.#ended;
  }

  /** Ends the process at once. */
  kill(): void {
    if (!this.#hasEnded) this.#child.kill('SIGKILL');
  }

  #nextLine(timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) throw new Error(`Cannot use ${this.#name}: it has ended`);
      if (this.#waiting !== undefined) throw new Error(`Cannot use ${this.#name}: it is busy`);
      const timer = setTimeout(() => {
        this.#waiting?.reject(
          new Error(`Cannot use ${this.#name}: no answer within ${timeoutMs} ms`),
        );
        this.#waiting = undefined;
        // Its next line would be taken for the answer to another command.
        this.kill();
      }, timeoutMs);
      this.#waiting = {
        resolve: (line) => {
          clearTimeout(timer);
          resolve(line);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }
}
