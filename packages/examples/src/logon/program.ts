import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Account, World } from './world.js';

/** How long a process may take to start. */
const START_TIMEOUT_MS = 10_000;

/** One of the processes, as their parent holds it. */
export class Program<Message extends { readonly kind: string }> {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #messages: AsyncIterator<unknown[]>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit');
    // From its first message on: what comes while nobody asks waits.
    this.#messages = on(child, 'message', { close: ['exit'] });
  }

  /**
   * Starts a program as a user, and waits until it is ready.
   *
   * @param name of its file, without suffix
   * @throws Error when it ends or says nothing in time
   */
  static async start<Message extends { readonly kind: string }>(
    name: string,
    world: World,
    account: Account,
  ): Promise<Program<Message>> {
    const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
    const isOther = account.uid !== process.geteuid?.();
    const child = fork(file, [JSON.stringify(world)], isOther ? { ...account } : {});
    const program = new Program<Message>(child);
    const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
    try {
      await program.next();
    } catch (error) {
      throw new Error(`${name} did not start`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
    return program;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(message: object): void {
    this.#child.send(message);
  }

  /** The next message that it sends. @throws Error when it has ended */
  async next(): Promise<Message> {
    const { value, done } = await this.#messages.next();
    if (done === true || !Array.isArray(value)) throw new Error('the process has ended');
    return value[0] as Message;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Lets it end by itself. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
