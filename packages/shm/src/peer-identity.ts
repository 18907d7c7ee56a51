import { errnoName, type NativeBinding } from '@portcall/native';
import type { MessageCredentials, PeerIdentity } from '@portcall/transport';

import { readOverflowUid, readProcessFacts, readProcessUsers } from './process-facts.js';

/** Groups that are asked for first; a process has rarely more. */
const GROUPS_USUAL = 64;

/** NGROUPS_MAX of Linux. */
const GROUPS_MAX = 65_536;

/** The peer as the kernel states it, and a descriptor that becomes readable when it dies. */
export interface KernelPeer {
  readonly identity: PeerIdentity | undefined;
  /** Owner: the caller. −1 where the kernel has none. */
  readonly pidfd: number;
}

/**
 * Asks the kernel who is at the other end of a connected socket.
 *
 * Credentials and groups are those of the process that called `connect` (or `listen`), at that
 * moment. Process 0 or the overflow user mean that our namespace does not know it: then the peer is
 * unknown, never "nobody". What `/proc` says is dropped when the process is gone by then.
 */
export function readPeerIdentity(native: NativeBinding, fd: number): KernelPeer {
  const fields = new Float64Array(3);
  const pidfd = Math.max(native.peerPidfd(fd), -1);
  if (native.peerCredentials(fd, fields) < 0) return { identity: undefined, pidfd };
  const credentials = knownCredentials(fields);
  if (credentials === undefined) return { identity: undefined, pidfd };
  const facts = readProcessFacts(native, credentials.pid);
  // Only a process that still lives now had this number while /proc was read.
  const isAlive = pidfd >= 0 && native.processEnded(pidfd) === 0;
  const identity: PeerIdentity = Object.freeze({
    ...credentials,
    groups: readPeerGroups(native, fd),
    ...(isAlive ? facts : NOTHING_KNOWN),
    source: 'connect',
  });
  return { identity, pidfd };
}

const NOTHING_KNOWN = { startTime: undefined, exe: undefined, namespaces: undefined } as const;

/**
 * Credentials as they came from the kernel; `undefined` when they name nobody that we know.
 *
 * @param fields {pid, uid, gid}; a pid of 0 or less stands for none
 */
export function knownCredentials(fields: Float64Array): MessageCredentials | undefined {
  const [pid = 0, uid = -1, gid = -1] = fields;
  if (pid <= 0 || uid < 0 || uid === readOverflowUid()) return undefined;
  return { pid, uid, gid };
}

/**
 * Who sent a message, from the credentials that came with it, and how to see its death.
 *
 * @param connected who the socket's own credentials name; when that is the same process, and alive,
 * its pidfd serves for this one too. Owner of its pidfd: the caller, until it is the one returned
 */
export function identifySender(
  native: NativeBinding,
  credentials: MessageCredentials,
  connected: KernelPeer,
): KernelPeer {
  const { pid, uid } = credentials;
  const isSame =
    connected.identity?.pid === pid &&
    connected.pidfd >= 0 &&
    native.processEnded(connected.pidfd) === 0;
  const pidfd = isSame ? connected.pidfd : Math.max(native.pidfdOpen(pid), -1);
  const facts = readProcessFacts(native, pid);
  const users = readProcessUsers(pid);
  // The number may have been given to somebody else before the pidfd was made: then the user must
  // be the same at least, and whoever it is must live now.
  const isAlive = pidfd >= 0 && native.processEnded(pidfd) === 0;
  const isKnown = isAlive && (isSame || users?.uids.includes(uid) === true);
  const identity: PeerIdentity = Object.freeze({
    ...credentials,
    groups: isKnown ? users?.groups : undefined,
    ...(isKnown ? facts : NOTHING_KNOWN),
    source: 'message',
  });
  if (isKnown || pidfd < 0) return { identity, pidfd };
  if (!isSame) native.close(pidfd);
  return { identity, pidfd: -1 };
}

function readPeerGroups(native: NativeBinding, fd: number): readonly number[] | undefined {
  for (const room of [GROUPS_USUAL, GROUPS_MAX]) {
    const groups = new Uint32Array(room);
    const count = native.peerGroups(fd, groups);
    if (count >= 0) return [...groups.subarray(0, count)];
    if (errnoName(count) !== 'ERANGE') return undefined;
  }
  return undefined;
}
