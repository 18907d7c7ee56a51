import { fileURLToPath } from 'node:url';

import type { Load } from '../drive/load.js';
import type { SubjectName } from '../subjects/subject-table.js';
import { BenchChild } from './bench-child.js';
import type { Figures } from './figures.js';
import type { RunAnswer, ServerCommand, UsageAnswer } from './commands.js';
import { measureCrowd, type PairAsks } from './measure-crowd.js';

/** How much longer than the load itself a client may take to answer. */
const GRACE_MS = 60_000;

/**
 * A subject's two processes.
 *
 * Each subject has a client process of its own: in one that ran several, the machine code that the
 * engine makes for shared code, such as the codec's, would be a compromise between them.
 */
export class SubjectPair {
  readonly name: SubjectName;
  readonly #server: BenchChild;
  readonly #client: BenchChild;

  private constructor(name: SubjectName, server: BenchChild, client: BenchChild) {
    this.name = name;
    this.#server = server;
    this.#client = client;
  }

  /** Starts both. `own` gets each process as soon as there is one. */
  static async start(name: SubjectName, own: (child: BenchChild) => void): Promise<SubjectPair> {
    try {
      const server = await BenchChild.start(scriptPath('server'), [name], own);
      const client = await BenchChild.start(scriptPath('client'), [name], own);
      return new SubjectPair(name, server, client);
    } catch (cause) {
      throw new Error(`Cannot start subject ${name}: leave it out with --subjects`, { cause });
    }
  }

  /** Has the client run a load, and adds the CPU time of both processes per call. */
  async run(load: Load, durationMs: number): Promise<Figures> {
    if (load.kind === 'crowd') return measureCrowd(this.#asks(), load, durationMs);
    const { client, server } = this.#asks();
    const before = await server(false);
    const answer = (await client({ do: 'run', load, durationMs }, durationMs)) as RunAnswer;
    const after = await server(false);
    const cpuUsPerCall = (answer.cpuUs + after.cpuUs - before.cpuUs) / answer.calls;
    return { ...answer.figures, cpuUsPerCall };
  }

  /** Ends both processes. Safe to call twice. */
  async close(): Promise<void> {
    await this.#client.close();
    await this.#server.close();
  }

  #asks(): PairAsks {
    return {
      client: (command, durationMs) => this.#client.ask(command, durationMs + GRACE_MS),
      server: async (memory) => {
        const command: ServerCommand = { memory };
        return (await this.#server.ask(command, GRACE_MS)) as UsageAnswer;
      },
    };
  }
}

function scriptPath(side: 'server' | 'client'): string {
  return fileURLToPath(new URL(`./${side}-main.js`, import.meta.url));
}
