import { setTimeout as sleep } from 'node:timers/promises';

import {
  connectPort,
  isPortError,
  type ClaimedIdentity,
  type CommunicationPort,
  type StatusCode,
} from '@portcall/port';

import type { LogonSession } from './access.js';
import type { AuditJournal } from './audit-journal.js';
import { encodeFrame } from './frame.js';
import { PORT_ATTRIBUTES, SECURITY, requiredServer, type World } from './world.js';

/** What the link tells a monitor that it finds. */
export interface MonitorLinkParts {
  readonly world: World;
  readonly journal: AuditJournal;
  readonly sessions: () => readonly LogonSession[];
}

/** How to ask. */
export interface AskOptions {
  readonly timeoutMs: number;
  readonly onBehalfOf?: readonly ClaimedIdentity[];
}

/** First pause before a monitor that is away is looked for again; each is twice as long. */
const PAUSE_MS = 10;
const PAUSE_MS_MAX = 160;

/**
 * The monitor is away. Whatever the authority asks may be asked twice, so that it does not matter
 * whether a monitor that died has heard it.
 */
const AWAY: readonly StatusCode[] = [
  'PORT_NOT_FOUND',
  'DISCONNECTED',
  'REPLY_LOST',
  'PEER_UNRESPONSIVE',
  'SERVER_BUSY',
];

/** The authority's connection to the monitor; when that dies, to the next one. */
export class MonitorLink {
  readonly #parts: MonitorLinkParts;
  #opening: Promise<CommunicationPort> | undefined;
  /** One delivery after the other: the journal's order is the log's. */
  #delivered: Promise<void> = Promise.resolve();

  constructor(parts: MonitorLinkParts) {
    this.#parts = parts;
  }

  /** Asks the monitor, and until the time is over those that come after it. @throws PortError */
  ask(data: Uint8Array, { timeoutMs, onBehalfOf }: AskOptions): Promise<Uint8Array> {
    return this.#retry(timeoutMs, (monitor, restMs) =>
      monitor.request(data, { timeoutMs: restMs, onBehalfOf }),
    );
  }

  /** Tells the monitor which sessions there are now. @throws PortError as `ask` */
  async tellSessions(timeoutMs: number): Promise<void> {
    await this.#retry(timeoutMs, (monitor, restMs) => this.#tellSessions(monitor, restMs));
  }

  /** Resolves when everything in the journal is on disk. @throws PortError as `ask` */
  deliver(timeoutMs: number): Promise<void> {
    const delivered = this.#delivered.then(() =>
      this.#retry(timeoutMs, (monitor, restMs) => this.#parts.journal.deliver(monitor, restMs)),
    );
    this.#delivered = delivered.catch(() => undefined);
    return delivered;
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    const monitor = await this.#opening?.catch(() => undefined);
    await monitor?.close();
  }

  async #retry<T>(
    timeoutMs: number,
    work: (monitor: CommunicationPort, restMs: number) => Promise<T>,
  ): Promise<T> {
    const giveUpAt = performance.now() + timeoutMs;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      try {
        return await work(await this.#open(), giveUpAt - performance.now());
      } catch (error) {
        const isAway = isPortError(error) && AWAY.includes(error.code);
        if (!isAway || performance.now() + pauseMs > giveUpAt) throw error;
      }
      await sleep(pauseMs);
    }
  }

  #open(): Promise<CommunicationPort> {
    if (this.#opening !== undefined) return this.#opening;
    const opening = this.#connect();
    const forget = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.then((monitor) => monitor.closed.then(forget), forget);
    this.#opening = opening;
    return opening;
  }

  async #connect(): Promise<CommunicationPort> {
    const { world } = this.#parts;
    const monitor = await connectPort(world.monitorPort, {
      attributes: PORT_ATTRIBUTES,
      requireServer: requiredServer(world),
      security: SECURITY,
    });
    try {
      // A monitor that has just started knows of nobody.
      await this.#tellSessions(monitor, monitor.attributes.handshakeTimeoutMs);
      return monitor;
    } catch (error) {
      monitor.abort();
      throw error;
    }
  }

  async #tellSessions(monitor: CommunicationPort, timeoutMs: number): Promise<void> {
    const sessions = this.#parts.sessions();
    await monitor.request(encodeFrame({ kind: 'sessions', sessions }), { timeoutMs });
  }
}
