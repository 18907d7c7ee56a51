import type { Acl, PeerIdentity, ServerRequirement } from '@portcall/port';

/** What all three processes know of each other; each gets it as its only argument. */
export interface World {
  /** Name of the monitor's port. */
  readonly monitorPort: string;
  /** Name of the authority's port. */
  readonly authorityPort: string;
  /** Where the table of users, the audit log and the attachments are. */
  readonly folder: string;
  /** The user and group that run the monitor and the authority. */
  readonly server: Account;
  /** The user and group that run Winlogon. */
  readonly client: Account;
}

/** A user and a group of the operating system. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** A process as the audit log and the tables name it. */
export interface Who extends Account {
  readonly pid: number;
}

/** Messages of the monitor's and the authority's ports may be this long: attachments are. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Limits that both ports state: they let their clients be acted for, and take files. */
export const PORT_ATTRIBUTES = {
  allowImpersonation: 'impersonate',
  dupObjectTypes: ['file'],
  maxMessageLength: MESSAGE_BYTES_MAX,
} as const;

/** How Winlogon and the authority let themselves be known: as they are with each message. */
export const SECURITY = { level: 'impersonate', tracking: 'dynamic' } as const;

/** The world that the parent process passed as the first argument. */
export function worldOfThisProcess(): World {
  return JSON.parse(process.argv[2] ?? '{}') as World;
}

/** Who may connect to either port: this program, run by the two accounts. */
export function aclOf({ server, client }: World): Acl {
  const exe = process.execPath;
  return [
    { action: 'allow', ...server, exe },
    { action: 'allow', ...client, exe },
  ];
}

/**
 * Whom a client wants to find behind a port.
 *
 * The kernel shows the program of a process to its own user and to root only.
 */
export function requiredServer({ server }: World): ServerRequirement {
  const sees = process.geteuid?.() === 0 || process.geteuid?.() === server.uid;
  return { ...server, ...(sees ? { exe: process.execPath } : {}) };
}

/** Only what the tables and the log show of an identity. */
export function whoOf({ pid, uid, gid }: Pick<PeerIdentity, 'pid' | 'uid' | 'gid'>): Who {
  return { pid, uid, gid };
}
