import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { Program } from './program.js';
import { writeUserTable } from './user-table.js';
import type { Person } from './users.js';
import type { FromWinlogon, Prompt, Step, StepResult } from './winlogon-messages.js';
import type { World } from './world.js';

/** What the authority says of its journal when it is asked. */
export interface JournalFacts {
  readonly kind: 'journal';
  readonly source: string;
  readonly lastNumber: number;
}

/** What the monitor and the authority say when they are up. */
type FromServer = { readonly kind: 'ready' } | JournalFacts;

/** The three processes, and the user who sits before them. */
export class Stage implements AsyncDisposable {
  readonly authority: Program<FromServer>;
  readonly winlogon: Program<FromWinlogon>;
  readonly #world: World;
  /** All that there were; the last one runs. */
  readonly #monitors: Program<FromServer>[];

  private constructor(
    world: World,
    monitor: Program<FromServer>,
    others: { readonly authority: Program<FromServer>; readonly winlogon: Program<FromWinlogon> },
  ) {
    this.#world = world;
    this.#monitors = [monitor];
    this.authority = others.authority;
    this.winlogon = others.winlogon;
  }

  /** Makes the files, then starts the processes, the ones that others need first. */
  static async open(world: World, users: readonly Person[]): Promise<Stage> {
    const { folder, server, client } = world;
    mkdirSync(join(folder, 'attachments'), { mode: 0o700 });
    mkdirSync(join(folder, 'desk'), { mode: 0o700 });
    chownSync(join(folder, 'desk'), client.uid, client.gid);
    const entries = users.map(({ entry }) => entry);
    await writeUserTable(join(folder, 'users.json'), entries);
    const monitor = await Program.start<FromServer>('monitor', world, server);
    const started: { stop(): Promise<void> }[] = [monitor];
    try {
      const authority = await Program.start<FromServer>('authority', world, server);
      started.unshift(authority);
      const winlogon = await Program.start<FromWinlogon>('winlogon', world, client);
      return new Stage(world, monitor, { authority, winlogon });
    } catch (error) {
      for (const program of started) await program.stop();
      throw error;
    }
  }

  /** The monitor that runs. */
  get monitor(): Program<FromServer> {
    const [monitor] = this.#monitors.slice(-1);
    if (monitor === undefined) throw new Error('Cannot find monitor: none was started');
    return monitor;
  }

  /** Process ids of all monitors that there were. */
  get monitorPids(): readonly number[] {
    return this.#monitors.map(({ pid }) => pid);
  }

  /** Starts another monitor. */
  async startMonitor(): Promise<void> {
    const { server } = this.#world;
    this.#monitors.push(await Program.start<FromServer>('monitor', this.#world, server));
  }

  /**
   * Has Winlogon do something.
   *
   * @param answer of the user to a dialog; `undefined`: the user has gone for a coffee
   */
  async run(
    step: Step,
    answer: (prompt: Prompt) => string | undefined | Promise<string | undefined>,
  ): Promise<StepResult> {
    this.winlogon.send({ kind: 'run', step });
    for (;;) {
      const message = await this.winlogon.next();
      if (message.kind === 'done') return message.result;
      if (message.kind !== 'prompt') continue;
      const text = await answer(message.prompt);
      if (text !== undefined) this.winlogon.send({ kind: 'answer', text });
    }
  }

  /** Lets Winlogon go, as if it had crashed; its session ends, which is the last record. */
  async journal(): Promise<JournalFacts> {
    await this.winlogon.stop();
    this.authority.send({ kind: 'journal' });
    const message = await this.authority.next();
    if (message.kind !== 'journal') throw new Error('Cannot read journal: the authority is busy');
    return message;
  }

  /** Ends all processes, those that need others first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.winlogon.stop();
    await this.authority.stop();
    await this.monitor.stop();
  }
}
