import { open } from 'node:fs/promises';

import {
  connectPort,
  type CommunicationPort,
  type PortMessage,
  type RequestOptions,
} from '@portcall/port';

import type { AccessRight, Verdict } from './access.js';
import type { LoggedOn } from './authority-messages.js';
import { decodeFrame, decodeReply, encodeFrame } from './frame.js';
import type { Keyboard } from './keyboard.js';
import type { Step, StepResult } from './winlogon-messages.js';
import { PORT_ATTRIBUTES, SECURITY, requiredServer, type Who, type World } from './world.js';

/** How long the authority and the monitor may take. */
const TIMEOUT_MS = 10_000;

/** Connects to the authority or the monitor, and to nobody who only has its name. */
export function connectServer(name: string, world: World): Promise<CommunicationPort> {
  return connectPort(name, {
    attributes: PORT_ATTRIBUTES,
    requireServer: requiredServer(world),
    security: SECURITY,
  });
}

/** Winlogon: what the user at the screen does, done with the authority and the monitor. */
export class WinlogonDesk {
  readonly #world: World;
  readonly #authority: CommunicationPort;
  readonly #keyboard: Keyboard;
  #session = '';

  constructor(world: World, authority: CommunicationPort, keyboard: Keyboard) {
    this.#world = world;
    this.#authority = authority;
    this.#keyboard = keyboard;
  }

  /** @throws PortError */
  async run(step: Step): Promise<StepResult> {
    const session = this.#session;
    switch (step.do) {
      case 'logOn':
        return this.#logOn(step.user, step.timeoutMs);
      case 'logOff':
        this.#session = '';
        await this.#ask({ kind: 'logOff', session });
        return allowed('the session has ended');
      case 'open': {
        const { object, right } = step;
        return resultOf([await this.#ask<Verdict>({ kind: 'open', session, object, right })]);
      }
      case 'changeGroup':
        return this.#changeGroup(step.gid);
      case 'forge':
        return this.#forge();
      case 'export':
        return this.#export(step.path);
    }
  }

  async #logOn(user: string, timeoutMs: number): Promise<StepResult> {
    const asked: string[] = [];
    // #region callback
    const { session, groups } = await this.#ask<LoggedOn>(
      { kind: 'logOn', user },
      {
        timeoutMs,
        onCallback: async (callback) => {
          asked.push(await this.#answer(callback));
        },
      },
    );
    // #endregion
    this.#session = session;
    return allowed(`asked for ${asked.join(', ')}; groups ${groups.join(', ')}`);
  }

  /** The authority calls back: shows the user a dialog. @returns what it asked for */
  async #answer(callback: PortMessage): Promise<string> {
    const { head, body } = decodeFrame(callback.data);
    const ask = head['ask'] === 'card' ? 'card' : 'password';
    const challenge = Buffer.from(body).toString('base64');
    const text = await this.#keyboard.ask({ ask, challenge }, callback.signal);
    if (text === undefined) return ask; // Nobody waits any more.
    const encoding = ask === 'card' ? 'base64' : 'utf8';
    await callback.reply(encodeFrame({ ask }, Buffer.from(text, encoding)));
    return ask;
  }

  async #changeGroup(gid: number): Promise<StepResult> {
    await using monitor = await connectServer(this.#world.monitorPort, this.#world);
    const verdicts: Verdict[] = [];
    const ask = async (): Promise<void> => {
      verdicts.push(await this.#askMonitor(monitor, 'cellar', 'read'));
    };
    await ask();
    await ask();
    process.setgid?.(gid);
    await ask();
    return resultOf(verdicts);
  }

  async #forge(): Promise<StepResult> {
    await using monitor = await connectServer(this.#world.monitorPort, this.#world);
    const onBehalfOf = [{ pid: 1, uid: 0, gid: 0, startTime: 0 }];
    return resultOf([await this.#askMonitor(monitor, 'vault', 'read', { onBehalfOf })]);
  }

  // #region export
  async #export(path: string): Promise<StepResult> {
    await using monitor = await connectServer(this.#world.monitorPort, this.#world);
    await using file = await open(path, 'wx', 0o600);
    const request = encodeFrame({ kind: 'export', session: this.#session });
    const reply = await monitor.request(request, { handles: [file], timeoutMs: TIMEOUT_MS });
    const { type, sizeBytes } = decodeReply<{ type: string; sizeBytes: number }>(reply);
    return allowed(`the monitor wrote ${sizeBytes} bytes into our ${type}`);
  }
  // #endregion

  async #askMonitor(
    monitor: CommunicationPort,
    object: string,
    right: AccessRight,
    options: RequestOptions = {},
  ): Promise<Verdict> {
    const request = encodeFrame({ kind: 'open', session: this.#session, object, right });
    return decodeReply(await monitor.request(request, { timeoutMs: TIMEOUT_MS, ...options }));
  }

  async #ask<T>(request: object, options: RequestOptions = {}): Promise<T> {
    const data = encodeFrame(request);
    return decodeReply(await this.#authority.request(data, { timeoutMs: TIMEOUT_MS, ...options }));
  }
}

function allowed(detail: string): StepResult {
  return { outcome: 'allowed', detail };
}

function resultOf(verdicts: readonly Verdict[]): StepResult {
  const words = verdicts.map(({ granted, isCached }) => {
    return `${granted ? 'allowed' : 'denied'}${isCached ? ' (cached)' : ''}`;
  });
  const [last] = verdicts.slice(-1);
  if (last === undefined) throw new Error('Cannot tell result: nothing was asked');
  const { caller, onBehalfOf, reason } = last;
  const behalf = onBehalfOf === undefined ? 'for itself' : `for ${nameOf(onBehalfOf)}`;
  return { outcome: words.join(', '), detail: `${reason}; ${nameOf(caller)} asked ${behalf}` };
}

function nameOf({ pid, uid }: Who): string {
  return `pid ${pid} (uid ${uid})`;
}
