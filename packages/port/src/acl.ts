import type { PeerIdentity } from '@portcall/transport';

/** One rule of an access control list. All conditions that it names must hold. */
export interface AclEntry {
  readonly action: 'allow' | 'deny';
  /** Effective user of the caller. */
  readonly uid?: number;
  /** Effective group of the caller. */
  readonly gid?: number;
  /** Path of the caller's executable, exactly. */
  readonly exe?: string;
  /** Anything else; what it throws denies. */
  readonly predicate?: (peer: PeerIdentity) => boolean;
}

/** Rules in order; the first that matches decides, and no match denies. */
export type Acl = readonly AclEntry[];

/** The owner of the process that creates the port, and root. */
export function defaultAcl(): Acl {
  const uid = process.geteuid?.();
  if (uid === undefined) return [{ action: 'allow' }];
  return [
    { action: 'allow', uid },
    { action: 'allow', uid: 0 },
  ];
}

/**
 * Whether a peer may connect.
 *
 * A peer that the kernel did not identify is matched by no rule that names a condition: with rules
 * about users, groups or programs, it is denied.
 */
export function isAdmitted(acl: Acl, peer: PeerIdentity | undefined): boolean {
  for (const entry of acl) {
    try {
      if (matches(entry, peer)) return entry.action === 'allow';
    } catch {
      return false; // A predicate that cannot decide has not allowed.
    }
  }
  return false;
}

function matches(entry: AclEntry, peer: PeerIdentity | undefined): boolean {
  const { uid, gid, exe, predicate } = entry;
  const unconditional =
    uid === undefined && gid === undefined && exe === undefined && predicate === undefined;
  if (unconditional) return true;
  // An unknown peer matches no allow rule with a condition, and every deny rule with one.
  if (peer === undefined) return entry.action === 'deny';
  return (
    (uid === undefined || uid === peer.uid) &&
    (gid === undefined || gid === peer.gid) &&
    (exe === undefined || exe === peer.exe) &&
    (predicate === undefined || predicate(peer))
  );
}
