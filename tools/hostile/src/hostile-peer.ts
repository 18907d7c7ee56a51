import { LineProcess } from './line-process.js';
import { PEER_PROGRAM } from './peer-program.js';

/**
 * What an operation of the peer reports: one line of its output. Which fields there are depends on
 * the operation; `peer/main.c` lists them.
 */
export interface PeerReport {
  readonly slot: number;
  readonly operation: string;
  /** Why the operation did nothing. */
  readonly error?: string;
  /** What the other side did against docs/PROTOCOL.md. */
  readonly violation?: string;
  readonly alive?: boolean;
  readonly closed?: boolean;
  readonly connected?: boolean;
  readonly ended?: boolean;
  readonly text?: string;
  readonly info?: string;
  readonly data?: string;
  readonly type?: number;
  readonly status?: number;
  readonly [field: string]: string | number | boolean | undefined;
}

interface Waiting {
  readonly mark: string;
  readonly reports: PeerReport[];
  readonly resolve: (reports: PeerReport[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A process that speaks the wire protocol by itself, rightly or wrongly, as its scripts say.
 *
 * *owner*: who started it closes it; its sockets end with it.
 */
export class HostilePeer implements AsyncDisposable {
  readonly #process: LineProcess;
  readonly #waiting: Waiting[] = [];
  #marks = 0;

  constructor() {
    this.#process = new LineProcess(PEER_PROGRAM, 'The hostile peer', {
      onLine: (line) => this.#take(line),
      onEnd: (why) => this.#fail(why),
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Runs a script to its end. @returns what its operations reported, in their order */
  run(lines: readonly string[]): Promise<PeerReport[]> {
    const mark = `mark-${++this.#marks}`;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ mark, reports: [], resolve, reject });
      this.#process.write([...lines, `0 echo text=${mark}`].join('\n'));
    });
  }

  /** Ends the process, and waits until it has ended. */
  async close(): Promise<void> {
    await this.#process.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #take(line: string): void {
    const current = this.#waiting[0];
    const report = JSON.parse(line) as PeerReport;
    if (report.operation === 'echo' && report.text === current?.mark) {
      this.#waiting.shift();
      current.resolve(current.reports);
    } else {
      current?.reports.push(report);
    }
  }

  #fail(why: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(why));
  }
}
