import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { PortError, isPortError, type PeerIdentity, type PortMessage } from '@portcall/port';

import type { LogonSession } from './access.js';
import type { AuditJournal } from './audit-journal.js';
import type { AuditEvent } from './audit-log.js';
import { readAuthorityRequest, type LoggedOn, type LogOnPrompt } from './authority-messages.js';
import { decodeFrame, encodeFrame } from './frame.js';
import type { MonitorLink } from './monitor-link.js';
import { isSignedByCard, type UserRow, type UserTable } from './user-table.js';
import { whoOf } from './world.js';

/** What the desk works with. */
export interface AuthorityDeskParts {
  readonly users: UserTable;
  readonly sessions: Map<string, LogonSession>;
  readonly journal: AuditJournal;
  readonly monitor: MonitorLink;
}

/** For clients that state no deadline: how long the monitor may be away. */
const MONITOR_MS_MAX = 10_000;

const CHALLENGE_BYTES = 32;

/** Serves the authority's clients, many at once: a log-on waits for a human being. */
export class AuthorityDesk {
  readonly #parts: AuthorityDeskParts;

  constructor(parts: AuthorityDeskParts) {
    this.#parts = parts;
  }

  /** Handles one message of the port. @throws PortError what the client is answered then */
  async serve(message: PortMessage): Promise<void> {
    const answer = await this.#answer(message);
    const isTaken = await message.reply(encodeFrame(answer));
    if (!isTaken) await this.#takeBack(answer);
  }

  /** A client has gone: its log-on sessions end. */
  async endSessionsOf(client: PeerIdentity | undefined): Promise<void> {
    for (const session of this.#parts.sessions.values()) {
      if (session.pid === client?.pid && session.startTime === client.startTime) {
        await this.#endSession(session, 'its process has gone');
      }
    }
  }

  async #answer(message: PortMessage): Promise<object> {
    const request = readAuthorityRequest(message.data);
    switch (request.kind) {
      case 'logOn':
        return this.#logOn(message, request.user);
      case 'logOff': {
        const session = this.#parts.sessions.get(request.session);
        if (session === undefined || session.pid !== message.peer?.pid) {
          throw refused('log off', 'the process has no such session');
        }
        await this.#endSession(session, 'it asked for that');
        return {};
      }
      case 'open': {
        // #region behalf
        // The monitor sees this process call, and beside it for whom: our client.
        const verdict = await this.#parts.monitor.ask(encodeFrame(request), {
          timeoutMs: message.attributes.deadline ?? MONITOR_MS_MAX,
          onBehalfOf: message.impersonate(),
        });
        // #endregion
        return decodeFrame(verdict).head;
      }
    }
  }

  async #logOn(message: PortMessage, user: string): Promise<LoggedOn> {
    const caller = message.peer;
    if (caller?.startTime === undefined) throw refused('log on', 'nobody knows who asks');
    const { pid, startTime } = caller;
    const timeoutMs = message.attributes.deadline ?? MONITOR_MS_MAX;
    this.#audit(caller, { event: 'log-on begun', user });
    this.#deliverSoon();
    const row = await this.#authenticate(message, caller, user);
    const { groups } = row;
    const session = { id: randomUUID(), user, groups, pid, startTime };
    this.#parts.sessions.set(session.id, session);
    this.#audit(caller, { event: 'log-on', user, text: `groups ${groups.join(', ')}` });
    try {
      await this.#parts.monitor.tellSessions(timeoutMs);
      await this.#parts.monitor.deliver(timeoutMs); // Nobody is logged on without a record of it.
    } catch (error) {
      this.#parts.sessions.delete(session.id);
      throw error;
    }
    return { session: session.id, groups };
  }

  /** @throws PortError ACCESS_DENIED, or CANCELED when the client's deadline passes meanwhile */
  async #authenticate(message: PortMessage, caller: PeerIdentity, user: string): Promise<UserRow> {
    try {
      const password = await prompt(message, 'password');
      const row = await this.#parts.users.findByPassword(user, password);
      password.fill(0);
      // Which of the two it was is nobody's business but the log's.
      if (row === undefined) throw refused('log on', 'no such user with this password');
      if (row.card === undefined) return row;
      const challenge = randomBytes(CHALLENGE_BYTES);
      const signature = await prompt(message, 'card', challenge);
      if (isSignedByCard(row.card, challenge, signature)) return row;
      throw refused('log on', 'the card does not fit');
    } catch (error) {
      const code = isPortError(error) ? error.code : 'SERVER_FAULT';
      const event = code === 'ACCESS_DENIED' ? 'log-on failed' : 'log-on abandoned';
      this.#audit(caller, { event, user, text: code }, evidenceOf(caller.pid));
      this.#deliverSoon();
      throw error;
    }
  }

  async #endSession({ id, user, pid }: LogonSession, text: string): Promise<void> {
    const { sessions, journal, monitor } = this.#parts;
    sessions.delete(id);
    journal.record({ event: 'log-off', user, text: `process ${pid}: ${text}` });
    await monitor.tellSessions(MONITOR_MS_MAX);
    await monitor.deliver(MONITOR_MS_MAX);
  }

  /** The client has given up meanwhile: nobody knows of a session that it was to get. */
  async #takeBack(answer: Partial<LoggedOn>): Promise<void> {
    const session = this.#parts.sessions.get(answer.session ?? '');
    if (session !== undefined) await this.#endSession(session, 'nobody waited for it any more');
  }

  /** What cannot be delivered stays in the journal, and goes with what is delivered next. */
  #deliverSoon(): void {
    this.#parts.monitor.deliver(MONITOR_MS_MAX).catch(() => undefined);
  }

  #audit(caller: PeerIdentity, event: AuditEvent, attachment?: Uint8Array): void {
    this.#parts.journal.record({ ...event, caller: whoOf(caller) }, attachment);
  }
}

// #region callback
/**
 * Asks the client for something, within its own request: it cannot outlast that request's deadline.
 *
 * @returns the body of the reply
 * @throws PortError CANCELED when the client no longer waits
 */
async function prompt(
  message: PortMessage,
  ask: LogOnPrompt,
  challenge?: Uint8Array,
): Promise<Uint8Array> {
  const reply = await message.callback(encodeFrame({ ask }, challenge));
  return decodeFrame(reply).body;
}
// #endregion

/** What the process of a failed log-on looks like from outside: its state, what it has mapped. */
function evidenceOf(pid: number): Uint8Array {
  const parts = ['status', 'maps'].map((file) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`);
    } catch (error) {
      return Buffer.from(`${file}: ${String(error)}\n`); // Gone, or not ours to see.
    }
  });
  return Buffer.concat(parts);
}

function refused(verb: string, why: string): PortError {
  return new PortError('ACCESS_DENIED', `Cannot ${verb}: ${why}`, { executed: 'yes' });
}
