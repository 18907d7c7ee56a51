import { join } from 'node:path';

import type { Stage } from './stage.js';
import type { Person, people } from './users.js';
import type { Step, StepResult } from './winlogon-messages.js';
import type { World } from './world.js';

/** One row of the table: what was done, and what came of it. */
export interface Row extends StepResult {
  readonly title: string;
  /** What should come of it. */
  readonly expected: string;
}

/** For log-ons that nothing holds up. */
const TIMEOUT_MS = 10_000;
/** For the user who does not come back. */
const COFFEE_MS = 300;

/** A group that no other process has, for what root alone can do: to change its own. */
const OTHER_GID = 64_002;

/** Plays a day at the screen. Whoever is logged on at its end has forgotten to log off. */
export class Script {
  readonly rows: Row[] = [];
  readonly #stage: Stage;
  readonly #world: World;
  readonly #people: ReturnType<typeof people>;

  constructor(stage: Stage, world: World, users: ReturnType<typeof people>) {
    this.#stage = stage;
    this.#world = world;
    this.#people = users;
  }

  /** Runs all of it; the rows tell the outcome. */
  async run(): Promise<void> {
    await this.#failedLogOns();
    await this.#guest();
    await this.#monitorDies();
    await this.#auditor();
  }

  async #failedLogOns(): Promise<void> {
    const { ada, brian } = this.#people;
    await this.#logOn('wrong password', 'denied', { user: 'brian', answer: () => 'qwerty' });
    await this.#logOn('unknown user', 'denied', { user: 'mallory', answer: brian.answer });
    const wrongCard = { ...ada, answer: cardless(ada) };
    await this.#logOn('wrong card', 'denied', { user: 'ada', answer: wrongCard.answer });
    await this.#logOn('user gone for coffee', 'TIMEOUT', {
      user: 'brian',
      answer: () => undefined,
      timeoutMs: COFFEE_MS,
    });
  }

  async #guest(): Promise<void> {
    const { guest } = this.#people;
    await this.#logOn('guest logs on', 'allowed', { user: 'guest', answer: guest.answer });
    await this.#step('guest reads payroll', 'denied', open('payroll', 'read'));
    await this.#step('Winlogon says it is root', 'denied', { do: 'forge' });
    await this.#step('guest logs off', 'allowed', { do: 'logOff' });
  }

  /** The record of the log-on's begin is in the ring of a monitor that never reads it. */
  async #monitorDies(): Promise<void> {
    const { brian } = this.#people;
    const stage = this.#stage;
    let restarted: Promise<void> | undefined;
    stage.monitor.signal('SIGSTOP');
    await this.#logOn('brian logs on; the monitor dies', 'allowed', {
      user: 'brian',
      answer: async (prompt) => {
        await stage.monitor.kill();
        restarted = stage.startMonitor();
        return brian.answer(prompt);
      },
    });
    await restarted;
    await this.#step('brian reads payroll', 'allowed', open('payroll', 'read'));
    await this.#step('brian reads it again', 'allowed (cached)', open('payroll', 'read'));
    await this.#step('brian writes payroll', 'denied', open('payroll', 'write'));
    const path = join(this.#world.folder, 'desk', 'brian.jsonl');
    await this.#step('brian exports the audit log', 'denied', { do: 'export', path });
    await this.#step('brian logs off', 'allowed', { do: 'logOff' });
  }

  async #auditor(): Promise<void> {
    const { ada } = this.#people;
    await this.#logOn('ada logs on with her card', 'allowed', { user: 'ada', answer: ada.answer });
    await this.#step('ada writes payroll', 'allowed', open('payroll', 'write'));
    await this.#step('ada reads the vault', 'denied', open('vault', 'read'));
    const path = join(this.#world.folder, 'desk', 'export.jsonl');
    await this.#step('ada exports the audit log', 'allowed', { do: 'export', path });
    if (process.geteuid?.() === 0 && this.#world.client.uid === 0) {
      await this.#step('Winlogon changes its group', 'allowed, allowed (cached), denied', {
        do: 'changeGroup',
        gid: OTHER_GID,
      });
    }
  }

  #logOn(
    title: string,
    expected: string,
    how: {
      readonly user: string;
      readonly answer: Parameters<Stage['run']>[1];
      readonly timeoutMs?: number;
    },
  ): Promise<void> {
    const { user, answer, timeoutMs = TIMEOUT_MS } = how;
    return this.#step(title, expected, { do: 'logOn', user, timeoutMs }, answer);
  }

  async #step(
    title: string,
    expected: string,
    step: Step,
    answer: Parameters<Stage['run']>[1] = () => undefined,
  ): Promise<void> {
    this.rows.push({ title, expected, ...(await this.#stage.run(step, answer)) });
  }
}

function open(object: string, right: 'read' | 'write'): Step {
  return { do: 'open', object, right };
}

/** Knows the password, and holds a card of somebody else to the reader. */
function cardless({ answer }: Person): Person['answer'] {
  return (prompt) => {
    const other = { ...prompt, challenge: Buffer.from('another challenge').toString('base64') };
    return answer(prompt.ask === 'card' ? other : prompt);
  };
}
