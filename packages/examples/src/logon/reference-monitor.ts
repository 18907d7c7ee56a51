import { PortError, type SecurityToken } from '@portcall/port';

import { decide, type AccessRight, type LogonSession, type ObjectTable } from './access.js';
import { DecisionCache } from './decision-cache.js';
import type { Who } from './world.js';

/** The process that something is decided for. */
export interface Subject extends Who {
  /** Clock ticks between boot and its start. */
  readonly startTime?: number | undefined;
}

/** May a log-on session use an object? */
export interface AccessQuestion {
  /** Of the caller: decisions are kept for it. */
  readonly token: SecurityToken;
  /** The caller, or the client that it acts for. */
  readonly subject: Subject;
  readonly session: string;
  readonly object: string;
  readonly right: AccessRight;
}

/** What is kept of a decision. */
export interface Decision {
  readonly granted: boolean;
  readonly reason: string;
}

/** Decides who may use what. It knows nothing of ports. Source: NT's SeAccessCheck. */
export class ReferenceMonitor {
  readonly #objects: ObjectTable;
  readonly #cache = new DecisionCache<Decision>();
  #sessions: ReadonlyMap<string, LogonSession> = new Map();

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  /** These are the log-on sessions from now on. */
  setSessions(sessions: readonly LogonSession[]): void {
    this.#sessions = new Map(sessions.map((session) => [session.id, session]));
  }

  /**
   * The session, if it belongs to the process that uses it.
   *
   * @throws PortError ACCESS_DENIED for a session that there is not, or of another process
   */
  sessionOf(id: string, { pid, startTime }: Subject): LogonSession {
    const session = this.#sessions.get(id);
    if (session?.pid === pid && session.startTime === startTime) return session;
    throw new PortError(
      'ACCESS_DENIED',
      `Cannot use log-on session: process ${pid} has none with this id`,
    );
  }

  /** @throws PortError ACCESS_DENIED as `sessionOf` */
  check(
    question: AccessQuestion,
  ): Decision & { readonly isCached: boolean; readonly user: string } {
    const { token, subject, object, right } = question;
    const session = this.sessionOf(question.session, subject);
    const { user } = session;
    // Whom the caller acts for is no part of its token, so it is part of the question.
    const text = JSON.stringify([session.id, subject.uid, subject.gid, object, right]);
    const kept = this.#cache.find(token, text);
    if (kept !== undefined) return { ...kept, isCached: true, user };
    const rules = Object.hasOwn(this.#objects, object) ? this.#objects[object] : undefined;
    const decision =
      rules === undefined
        ? { granted: false, reason: 'there is no such object' }
        : decide(rules, session, { gid: subject.gid, right });
    this.#cache.keep(token, text, decision);
    return { ...decision, isCached: false, user };
  }

  /** A caller has gone. */
  forget(tokenId: number): void {
    this.#cache.forget(tokenId);
  }
}
