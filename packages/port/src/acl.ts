import { readlinkSync } from 'node:fs';

import type { PeerIdentity, PeerNamespaces } from '@portcall/transport';

import type { PortNamespace } from './port-name.js';

/** What a peer may do with a port. Source: `port.md` 8. */
export const PORT_RIGHTS = ['connect', 'call', 'activate', 'admin'] as const;

/** One of {@link PORT_RIGHTS}. */
export type PortRight = (typeof PORT_RIGHTS)[number];

/** A kind of namespace that a rule may ask the peer to share with us. */
export type NamespaceKind = keyof PeerNamespaces;

/** One rule of an access control list. All conditions that it names must hold. */
export interface AclEntry {
  readonly action: 'allow' | 'deny';
  /** Effective user of the caller. */
  readonly uid?: number;
  /** Effective or supplementary group of the caller. */
  readonly gid?: number;
  /** Path of the caller's executable, exactly. */
  readonly exe?: string;
  /** Anything else; what it throws denies. */
  readonly predicate?: (peer: PeerIdentity) => boolean;
  /** Namespaces that the caller must share with this process. */
  readonly sameNamespaces?: readonly NamespaceKind[];
  /**
   * What the rule is about. Default of a deny rule: everything. Default of an allow rule: connect,
   * call and activate; not admin, which can take the port away from its owner and so is never
   * granted by a list that was written with clients in mind.
   */
  readonly rights?: readonly PortRight[];
}

/** Rules in order; the first that matches decides, and no match denies. */
export type Acl = readonly AclEntry[];

/** Why a right is granted or not. */
export interface AclVerdict {
  readonly granted: boolean;
  /** Index of the entry that decided; `undefined` when none matched. */
  readonly entry: number | undefined;
  /**
   * `'unknown'`: a deny rule decided although the kernel does not say whether its conditions hold.
   * `'threw'`: the rule's predicate threw.
   */
  readonly reason: 'matched' | 'unknown' | 'threw' | 'no match';
}

/** A question to an access control list. */
export interface AclQuestion {
  /** Default `'connect'`. */
  readonly right?: PortRight;
  /** Namespaces of this process; asked for only where a rule needs them. Default: the real ones. */
  readonly own?: () => PeerNamespaces;
}

const CLIENT_RIGHTS: readonly PortRight[] = ['connect', 'call', 'activate'];

const ENTRY_KEYS: ReadonlySet<string> = new Set([
  'action',
  'uid',
  'gid',
  'exe',
  'predicate',
  'sameNamespaces',
  'rights',
] satisfies (keyof AclEntry)[]);

/** The conditions of a rule: an allow rule with none of them is for everybody. */
const CONDITION_KEYS = ['uid', 'gid', 'exe', 'predicate', 'sameNamespaces'] as const;

/**
 * Who may do what when the program has no list of its own: the owner of the process that creates
 * the port, and root, may do everything. An abstract port, which no directory protects, is for its
 * owner alone.
 */
export function defaultAcl(namespace: PortNamespace = 'session'): Acl {
  const uid = process.geteuid?.();
  if (uid === undefined) return everybodyAcl();
  const owner = { action: 'allow', uid, rights: PORT_RIGHTS } as const;
  return namespace === 'abstract' ? [owner] : [owner, { ...owner, uid: 0 }];
}

/**
 * Everybody, with all rights: for a port whose peers nobody identifies and whose files or process
 * keep out whom its default list would.
 */
export function everybodyAcl(): Acl {
  return [{ action: 'allow', rights: PORT_RIGHTS }];
}

/**
 * The list itself, if it is one.
 *
 * A misspelt condition, or one that is `undefined`, would make a rule for everybody: it is refused.
 *
 * @throws TypeError
 */
export function checkAcl(acl: Acl): Acl {
  if (!Array.isArray(acl)) throw new TypeError('Cannot use access control list: it is no array');
  acl.forEach((entry: AclEntry, index) => {
    const why = entryFault(entry);
    if (why !== undefined) {
      throw new TypeError(`Cannot use access control list: entry ${index} ${why}`);
    }
  });
  return acl;
}

/** Whether a peer has a right, `'connect'` by default. */
export function isAdmitted(
  acl: Acl,
  peer: PeerIdentity | undefined,
  right: PortRight = 'connect',
): boolean {
  return explainAcl(acl, peer, { right }).granted;
}

/** All rights of a peer. */
export function grantedRights(
  acl: Acl,
  peer: PeerIdentity | undefined,
  own: () => PeerNamespaces = ownNamespaces,
): ReadonlySet<PortRight> {
  return new Set(PORT_RIGHTS.filter((right) => explainAcl(acl, peer, { right, own }).granted));
}

/**
 * Which entry decides on a peer, and how.
 *
 * What the kernel does not say fails closed: a peer that it did not identify, or whose groups,
 * program or namespaces it does not show, is matched by no allow rule that asks for them, and by
 * every deny rule that does.
 */
export function explainAcl(
  acl: Acl,
  peer: PeerIdentity | undefined,
  question: AclQuestion = {},
): AclVerdict {
  const { right = 'connect', own = ownNamespaces } = question;
  for (const [entry, rule] of acl.entries()) {
    if (!isAbout(rule, right)) continue;
    let match: Match;
    try {
      match = matchOf(rule, peer, own);
    } catch {
      return { granted: false, entry, reason: 'threw' }; // It cannot decide: it has not allowed.
    }
    if (match === 'yes') return { granted: rule.action === 'allow', entry, reason: 'matched' };
    if (match === 'unknown' && rule.action !== 'allow') {
      return { granted: false, entry, reason: 'unknown' };
    }
  }
  return { granted: false, entry: undefined, reason: 'no match' };
}

/** The namespaces of this process; a field is `undefined` where the kernel does not show it. */
export function ownNamespaces(): PeerNamespaces {
  return { pid: ownNamespace('pid'), mnt: ownNamespace('mnt'), user: ownNamespace('user') };
}

type Match = 'yes' | 'no' | 'unknown';

function isAbout(rule: AclEntry, right: PortRight): boolean {
  const rights = rule.rights ?? (rule.action === 'allow' ? CLIENT_RIGHTS : PORT_RIGHTS);
  return rights.includes(right);
}

/** One condition that fails settles it; else one that nobody knows leaves it open. */
function matchOf(rule: AclEntry, peer: PeerIdentity | undefined, own: () => PeerNamespaces): Match {
  const { uid, gid, exe, predicate, sameNamespaces = [] } = rule;
  if (peer === undefined) {
    return CONDITION_KEYS.some((key) => rule[key] !== undefined) ? 'unknown' : 'yes';
  }
  const matches: Match[] = [];
  if (uid !== undefined) matches.push(uid === peer.uid ? 'yes' : 'no');
  if (gid !== undefined) matches.push(groupMatch(gid, peer));
  if (exe !== undefined) matches.push(sameValue(exe, peer.exe));
  if (sameNamespaces.length > 0) {
    const ours = own();
    for (const kind of sameNamespaces) matches.push(sameValue(ours[kind], peer.namespaces?.[kind]));
  }
  if (matches.includes('no')) return 'no';
  if (predicate !== undefined && predicate(peer) !== true) return 'no';
  return matches.includes('unknown') ? 'unknown' : 'yes';
}

function groupMatch(gid: number, peer: PeerIdentity): Match {
  if (gid === peer.gid) return 'yes';
  if (peer.groups === undefined) return 'unknown';
  return peer.groups.includes(gid) ? 'yes' : 'no';
}

function sameValue(wanted: unknown, found: unknown): Match {
  if (wanted === undefined || found === undefined) return 'unknown';
  return wanted === found ? 'yes' : 'no';
}

/** The link reads like `pid:[4026531836]`. */
function ownNamespace(kind: NamespaceKind): number | undefined {
  try {
    const inode = Number(/\[(\d+)\]$/.exec(readlinkSync(`/proc/self/ns/${kind}`))?.[1]);
    return Number.isSafeInteger(inode) ? inode : undefined;
  } catch {
    return undefined;
  }
}

function entryFault(entry: AclEntry): string | undefined {
  if (typeof entry !== 'object' || entry === null) return 'is no object';
  if (entry.action !== 'allow' && entry.action !== 'deny') {
    return `has action ${String(entry.action)}, wanted "allow" or "deny"`;
  }
  const unknown = Object.keys(entry).find((key) => !ENTRY_KEYS.has(key));
  if (unknown !== undefined) return `has "${unknown}", which no rule has`;
  const empty = CONDITION_KEYS.find((key) => key in entry && entry[key] === undefined);
  if (empty !== undefined) return `has "${empty}" without a value`;
  return valueFault(entry);
}

function valueFault(entry: AclEntry): string | undefined {
  const { uid = 0, gid = 0, exe = '', predicate, sameNamespaces = [], rights = [] } = entry;
  if (!isId(uid) || !isId(gid)) return `has uid ${uid} and gid ${gid}, wanted numbers from 0`;
  if (typeof exe !== 'string') return 'has an exe that is no text';
  if (predicate !== undefined && typeof predicate !== 'function') {
    return 'has a predicate that is no function';
  }
  if (!isListOf(sameNamespaces, ['pid', 'mnt', 'user'])) return 'has unknown sameNamespaces';
  if (!isListOf(rights, PORT_RIGHTS)) return 'has unknown rights';
  return undefined;
}

/** Ids are 32 bits wide; the last is the kernel's "no change". */
function isId(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 0xffff_ffff;
}

function isListOf(list: unknown, values: readonly unknown[]): boolean {
  return Array.isArray(list) && list.every((value) => values.includes(value));
}
