import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Who is told of what a {@link LineProcess} says, and of its end. */
export interface LineListener {
  readonly onLine: (line: string) => void;
  /** Once or more often: it has ended, or could not be started. */
  readonly onEnd: (why: string) => void;
}

/**
 * A program that takes commands and answers, both in lines. What it writes to its standard error
 * goes to ours.
 *
 * *owner*: who started it closes it.
 */
export class LineProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<void>;

  /** @param name for messages: `The torture client` */
  constructor(program: string, name: string, listener: LineListener) {
    this.#child = spawn(program, { stdio: 'pipe' });
    this.#child.stderr.pipe(process.stderr);
    createInterface(this.#child.stdout).on('line', listener.onLine);
    this.#child.stdin.on('error', () => undefined); // Its exit tells.
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        listener.onEnd(`${name} ended: ${signal ?? code}`);
        resolve();
      });
    });
    this.#child.once('error', (error) => listener.onEnd(error.message));
  }

  /** Its process id; −1 when it could not be started. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Writes lines to it. */
  write(lines: string): void {
    this.#child.stdin.write(`${lines}\n`);
  }

  /** Ends the process, and waits until it has ended. Safe to call twice. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
