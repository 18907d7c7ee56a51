import type { Account, Who } from './world.js';

/** What can be done with an object. */
export const ACCESS_RIGHTS = ['read', 'write'] as const;

/** One of {@link ACCESS_RIGHTS}. */
export type AccessRight = (typeof ACCESS_RIGHTS)[number];

/** One entry of an object's list. All conditions that it names must hold. */
export interface AccessRule {
  readonly action: 'allow' | 'deny';
  /** Name in the authority's table. */
  readonly user?: string;
  /** Group in the authority's table. */
  readonly group?: string;
  /** Effective group of the client's process. */
  readonly gid?: number;
  readonly rights: readonly AccessRight[];
}

/** The objects of this example by name: who may do what. Source: security descriptors of NT. */
export type ObjectTable = Readonly<Record<string, readonly AccessRule[]>>;

/** A log-on session: who logged on, and which process it belongs to. Source: NT's token. */
export interface LogonSession {
  readonly id: string;
  readonly user: string;
  readonly groups: readonly string[];
  /** The process that logged on; together with `startTime` it is unique. */
  readonly pid: number;
  readonly startTime: number;
}

/** What the monitor decided. */
export interface Verdict {
  readonly granted: boolean;
  readonly reason: string;
  /** The decision was made before, for the same security context. */
  readonly isCached: boolean;
  /** The process that asked, by the kernel's word. */
  readonly caller: Who;
  /** The process it asked for, by the caller's word; left out when it asked for itself. */
  readonly onBehalfOf?: Who;
}

/** The objects that there are. */
export function objectTable(client: Account): ObjectTable {
  return {
    payroll: [
      { action: 'deny', group: 'guests', rights: ['read', 'write'] },
      { action: 'allow', group: 'staff', rights: ['read'] },
      { action: 'allow', user: 'ada', rights: ['write'] },
    ],
    vault: [],
    cellar: [{ action: 'allow', gid: client.gid, rights: ['read'] }],
    'audit-log': [{ action: 'allow', group: 'auditors', rights: ['read'] }],
  };
}

/** Looks for the first entry that matches; without one it is denied. */
export function decide(
  rules: readonly AccessRule[],
  session: LogonSession,
  asked: { readonly gid: number; readonly right: AccessRight },
): { readonly granted: boolean; readonly reason: string } {
  const index = rules.findIndex(({ user, group, gid, rights }) => {
    if (!rights.includes(asked.right)) return false;
    if (user !== undefined && user !== session.user) return false;
    if (group !== undefined && !session.groups.includes(group)) return false;
    return gid === undefined || gid === asked.gid;
  });
  const rule = rules[index];
  if (rule === undefined) return { granted: false, reason: 'no entry matches' };
  return { granted: rule.action === 'allow', reason: `entry ${index} says ${rule.action}` };
}
