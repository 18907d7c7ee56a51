import { LineProcess } from '@portcall/hostile';

import { CLIENT_PROGRAM } from './programs.js';

/** What a command of the clients' program says; which fields there are depends on the command. */
export interface ClientAnswer {
  readonly operation: string;
  /** Why it was not done. */
  readonly error?: string;
  readonly pid?: number;
  /** When the signal was sent, on the monotonic clock. */
  readonly killedAtNs?: number;
  /** Of `step`: instructions that were executed. */
  readonly steps?: number;
  /** Of `step`: the publish was over before. */
  readonly done?: boolean;
  /** Of `step`: outTail had moved at all; it stood behind the message. */
  readonly moved?: boolean;
  readonly committed?: boolean;
}

interface Waiting {
  readonly resolve: (answer: ClientAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A process that starts C clients and kills them; `peer/main.c` lists its commands.
 *
 * *owner*: who started it closes it; its clients end with it.
 */
export class TortureClient implements AsyncDisposable {
  readonly #process: LineProcess;
  readonly #waiting: Waiting[] = [];

  constructor() {
    this.#process = new LineProcess(CLIENT_PROGRAM, 'The torture client', {
      onLine: (line) => this.#waiting.shift()?.resolve(JSON.parse(line) as ClientAnswer),
      onEnd: (why) => this.#fail(why),
    });
  }

  /** Runs one command. @throws Error when it could not be done */
  async run(command: string): Promise<ClientAnswer> {
    const answer = await new Promise<ClientAnswer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.write(`0 ${command}`);
    });
    if (answer.error === undefined) return answer;
    throw new Error(`Cannot ${command}: ${answer.error}`);
  }

  /** Ends the process, and its clients with it. */
  async close(): Promise<void> {
    await this.#process.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #fail(why: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(why));
  }
}

/** Milliseconds on the clock of `performance.now()` of a moment that a client told. */
export function momentOf(answer: ClientAnswer): number {
  // Both count from the same clock; this is how far apart they start.
  const startNs = process.hrtime.bigint() - BigInt(Math.round(performance.now() * 1e6));
  return ((answer.killedAtNs ?? 0) - Number(startNs)) / 1e6;
}
