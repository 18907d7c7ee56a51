import { createHash } from 'node:crypto';
import { closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  PortError,
  explainAcl,
  type Acl,
  type PeerIdentity,
  type PortMessage,
  type SecurityToken,
} from '@portcall/port';

import type { AccessRight, Verdict } from './access.js';
import type { AuditEvent, AuditLog, AuditRecord } from './audit-log.js';
import { decodeFrame, encodeFrame, type Frame } from './frame.js';
import { readMonitorMessage } from './monitor-messages.js';
import type { ReferenceMonitor, Subject } from './reference-monitor.js';
import { whoOf, type Who } from './world.js';

/** What the desk works with. */
export interface MonitorDeskParts {
  readonly monitor: ReferenceMonitor;
  readonly log: AuditLog;
  /** Where attachments are put. */
  readonly folder: string;
  /** Who is the authority: only it may act for others, and keep sessions and records. */
  readonly authority: Acl;
}

/** Who sent a message, and for whom. */
interface Sender {
  readonly caller: PeerIdentity;
  readonly token: SecurityToken;
  readonly isAuthority: boolean;
  /** The caller, or the client that it acts for. */
  readonly subject: Subject;
  readonly names: { readonly caller: Who; readonly onBehalfOf?: Who };
}

/** Answers the messages of the monitor's port, one after the other. */
export class MonitorDesk {
  readonly #parts: MonitorDeskParts;
  readonly #source = `monitor ${process.pid}`;
  #number = 0;

  constructor(parts: MonitorDeskParts) {
    this.#parts = parts;
    this.#record({ event: 'monitor started' });
  }

  /** @returns the reply, for whoever waits for one. @throws PortError */
  answer(message: PortMessage): Uint8Array {
    if (message.kind === 'port-closed' || message.kind === 'client-died') {
      const { token } = message.port.security;
      if (token !== undefined) this.#parts.monitor.forget(token.tokenId);
      return encodeFrame({});
    }
    const frame = decodeFrame(message.data);
    const request = readMonitorMessage(frame);
    const sender = this.#senderOf(message);
    switch (request.kind) {
      case 'open':
        return encodeFrame(this.#open(sender, request));
      case 'export':
        return encodeFrame(this.#export(sender, request.session, message));
      case 'sessions':
        this.#needAuthority(sender);
        this.#parts.monitor.setSessions(request.sessions);
        return encodeFrame({});
      case 'audit':
        this.#needAuthority(sender);
        this.#audit(request.record, frame, message);
        return encodeFrame({});
      case 'commit':
        this.#needAuthority(sender);
        this.#parts.log.sync();
        return encodeFrame({ number: this.#parts.log.lastNumber(request.source) });
    }
  }

  /** @throws PortError ACCESS_DENIED for whoever acts for another and may not */
  #senderOf({ peer: caller, attributes }: PortMessage): Sender {
    const { token, onBehalfOf = [] } = attributes;
    if (caller === undefined || token === undefined) throw denied('nobody knows who sent it');
    const isAuthority = explainAcl(this.#parts.authority, caller).granted;
    const [client] = onBehalfOf; // The nearest; for whom that one acts is its own affair.
    const names = {
      caller: whoOf(caller),
      ...(client === undefined ? {} : { onBehalfOf: whoOf(client) }),
    };
    if (client !== undefined && !isAuthority) {
      this.#record({ event: 'impersonation refused', ...names });
      throw denied(`process ${caller.pid} may not act for others`);
    }
    return { caller, token, isAuthority, subject: client ?? caller, names };
  }

  #needAuthority({ isAuthority, caller }: Sender): void {
    if (!isAuthority) throw denied(`process ${caller.pid} is not the authority`);
  }

  #open(
    { token, subject, names }: Sender,
    request: { readonly session: string; readonly object: string; readonly right: AccessRight },
  ): Verdict {
    const { session, object, right } = request;
    const { user, granted, reason, isCached } = this.#parts.monitor.check({
      token,
      subject,
      session,
      object,
      right,
    });
    this.#record({ event: 'access', user, object, right, granted, isCached, ...names });
    return { granted, reason, isCached, ...names };
  }

  /** The client opened the file: nothing but this one descriptor of it is in our hands. */
  #export(sender: Sender, session: string, message: PortMessage): object {
    const verdict = this.#open(sender, { session, object: 'audit-log', right: 'read' });
    if (!verdict.granted) throw denied(`the audit log is not for this user: ${verdict.reason}`);
    const handle = message.attributes.handle?.[0];
    if (handle === undefined) throw denied('no file came with it');
    const { type } = handle;
    const descriptor = handle.claim();
    try {
      return { type, sizeBytes: this.#parts.log.copyTo(descriptor) };
    } finally {
      closeSync(descriptor);
    }
  }

  #audit(record: AuditRecord, { body }: Frame, message: PortMessage): void {
    const { log, folder } = this.#parts;
    if (body.length === 0) return log.append(record);
    const sha256 = createHash('sha256').update(body).digest('hex');
    writeFileSync(join(folder, sha256), body, { mode: 0o600, flush: true });
    // Only what came by section is memory that can be given back: a view.
    const mode = message.attributes.valid.has('view') ? 'section' : 'inline';
    return log.append({ ...record, sha256, sizeBytes: body.length, mode });
  }

  #record(event: AuditEvent): void {
    const at = new Date().toISOString();
    this.#parts.log.append({ source: this.#source, number: ++this.#number, at, ...event });
  }
}

function denied(why: string): PortError {
  return new PortError('ACCESS_DENIED', `Cannot serve message: ${why}`, { executed: 'no' });
}
