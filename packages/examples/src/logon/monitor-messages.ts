import { ACCESS_RIGHTS, type AccessRight, type LogonSession } from './access.js';
import type { AuditRecord } from './audit-log.js';
import { invalid, listOf, numberOf, textOf, type Frame } from './frame.js';

/** What the monitor is asked, and told. */
export type MonitorMessage =
  /** May the caller, or the client that it acts for, use an object? */
  | {
      readonly kind: 'open';
      readonly session: string;
      readonly object: string;
      readonly right: AccessRight;
    }
  /** The authority: these are the log-on sessions now. */
  | { readonly kind: 'sessions'; readonly sessions: readonly LogonSession[] }
  /** The authority, as a datagram: this happened. The body is an attachment. */
  | { readonly kind: 'audit'; readonly record: AuditRecord }
  /** The authority: up to which number are my records on disk? */
  | { readonly kind: 'commit'; readonly source: string }
  /** Write the audit log into the file that comes with this. */
  | { readonly kind: 'export'; readonly session: string };

/** Reads what a client of the monitor sent. @throws PortError INVALID_MESSAGE */
export function readMonitorMessage({ head }: Frame): MonitorMessage {
  switch (head['kind']) {
    case 'open':
      return {
        kind: 'open',
        session: textOf(head, 'session'),
        object: textOf(head, 'object'),
        right: rightOf(head),
      };
    case 'sessions':
      return { kind: 'sessions', sessions: listOf(head, 'sessions').map(readSession) };
    case 'audit':
      return { kind: 'audit', record: readRecord(head) };
    case 'commit':
      return { kind: 'commit', source: textOf(head, 'source') };
    case 'export':
      return { kind: 'export', session: textOf(head, 'session') };
    default:
      throw invalid('its kind is none of those that the monitor knows');
  }
}

function rightOf(head: Frame['head']): AccessRight {
  const right = ACCESS_RIGHTS.find((name) => name === head['right']);
  if (right === undefined) throw invalid(`its right is none of ${ACCESS_RIGHTS.join(', ')}`);
  return right;
}

function readSession(head: Frame['head']): LogonSession {
  const { groups } = head;
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string')) {
    throw invalid('the groups of a session are no list of names');
  }
  return {
    id: textOf(head, 'id'),
    user: textOf(head, 'user'),
    groups,
    pid: numberOf(head, 'pid'),
    startTime: numberOf(head, 'startTime'),
  };
}

/** The authority may log what it likes; what orders the log is checked. */
function readRecord(head: Frame['head']): AuditRecord {
  const [record] = listOf({ records: [head['record']] }, 'records');
  if (record === undefined) throw invalid('it has no record');
  return {
    ...record,
    source: textOf(record, 'source'),
    number: numberOf(record, 'number'),
    at: textOf(record, 'at'),
    event: textOf(record, 'event'),
  };
}
