import { readFileSync } from 'node:fs';

import { PortError, type ImpersonationLevel } from '@portcall/wire';
import type { MessageCredentials, PeerIdentity } from '@portcall/transport';

import type { ClaimedIdentity } from './outgoing-attributes.js';

/** How a client lets itself be known. Source: SECURITY_QUALITY_OF_SERVICE; `port.md` 7. */
export interface SecurityQos {
  /** What servers may learn of this process, and do for it. Default 'identify'. */
  readonly level?: ImpersonationLevel;
  /**
   * 'static' (default): the server sees this process as it was when it connected. 'dynamic': as it
   * is with each message, where the server wants that.
   */
  readonly tracking?: 'static' | 'dynamic';
  /** The server sees effective ids only, no supplementary groups. Default false. */
  readonly effectiveOnly?: boolean;
}

/**
 * Numbers by which a server can tell whether it has seen this security context before.
 *
 * Source: ALPC_TOKEN_ATTR.
 */
export interface SecurityToken {
  /** Of this connection, unique in this process. */
  readonly tokenId: number;
  /** Of the log-on: the same for all processes of a user's log-on session; not unique for ever. */
  readonly authId: string;
  /** Grows when user, group or groups of the peer change. */
  readonly modifiedId: number;
}

/** What a connection's security context begins with. */
export interface SecurityStart {
  /** As the kernel stated it when the connection was made. */
  readonly peer: PeerIdentity | undefined;
  readonly level: ImpersonationLevel;
  readonly isDynamic: boolean;
  readonly effectiveOnly: boolean;
}

let lastTokenId = 0;

/** Who the peer of a connection is, as far as it lets itself be known; what changes is noticed. */
export class SecurityContext {
  /** What this side may learn of the peer, and do for it. */
  readonly level: ImpersonationLevel;
  /** Whether the peer is looked at anew with each message. */
  readonly tracking: 'static' | 'dynamic';
  readonly #start: SecurityStart;
  readonly #tokenId = ++lastTokenId;
  #current: PeerIdentity | undefined;
  #modifiedId = 1;
  #authId: string | undefined;

  constructor(start: SecurityStart) {
    this.#start = start;
    this.level = start.level;
    this.tracking = start.isDynamic ? 'dynamic' : 'static';
    this.#current = shown(start.peer, start);
  }

  /** The peer as it was last seen; `undefined` where it is unknown, or wants to be. */
  get peer(): PeerIdentity | undefined {
    return this.#current;
  }

  /** The numbers of now; `undefined` where the peer is. */
  get token(): SecurityToken | undefined {
    const { peer } = this.#start;
    if (peer === undefined || this.level === 'anonymous') return undefined;
    this.#authId ??= logonOf(peer);
    return { tokenId: this.#tokenId, authId: this.#authId, modifiedId: this.#modifiedId };
  }

  /**
   * A message came with the kernel's word of who sent it.
   *
   * The groups are read now, from the process that the kernel named: a moment later than the rest.
   */
  update(credentials: MessageCredentials): void {
    const { pid, uid, gid } = credentials;
    const before = this.#current;
    if (this.tracking !== 'dynamic' || before === undefined) return;
    const groups = this.#start.effectiveOnly ? undefined : groupsOf(pid);
    const isSame =
      pid === before.pid &&
      uid === before.uid &&
      gid === before.gid &&
      String(groups) === String(before.groups);
    if (!isSame) this.#modifiedId++;
    // Another process may use the socket: then only what the kernel said of it is known.
    const known =
      pid === before.pid
        ? before
        : { ...before, startTime: undefined, exe: undefined, namespaces: undefined };
    this.#current = Object.freeze({ ...known, pid, uid, gid, groups, source: 'message' });
  }

  /**
   * For whom a call on behalf of the peer is made.
   *
   * @param peer as it was when it sent what is being served
   * @param chain for whom the peer itself says it acts
   * @throws PortError ACCESS_DENIED when the peer does not allow it, or nobody knows who it is
   */
  impersonate(
    peer: PeerIdentity | undefined,
    chain: readonly ClaimedIdentity[],
    portName: string,
  ): readonly ClaimedIdentity[] {
    if (this.level !== 'impersonate' || peer === undefined) {
      throw new PortError(
        'ACCESS_DENIED',
        `Cannot act for the client of port "${portName}": its level is ${this.level}, wanted ` +
          `impersonate, and its identity ${peer === undefined ? 'is not' : 'is'} known`,
        { portName },
      );
    }
    const { pid, uid, gid, startTime = 0 } = peer;
    return [{ pid, uid, gid, startTime }, ...chain];
  }
}

/** What the server may see of a peer. */
function shown(peer: PeerIdentity | undefined, start: SecurityStart): PeerIdentity | undefined {
  if (peer === undefined || start.level === 'anonymous') return undefined;
  return start.effectiveOnly ? Object.freeze({ ...peer, groups: undefined }) : peer;
}

/** The user, and the kernel's audit session where it has one (`proc_pid_sessionid(5)`). */
function logonOf({ pid, uid }: PeerIdentity): string {
  const session = readProc(pid, 'sessionid');
  // 2^32 − 1: no log-on session was ever set.
  return session === undefined || session === '4294967295' ? `${uid}` : `${uid}:${session}`;
}

function groupsOf(pid: number): readonly number[] | undefined {
  const line = readProc(pid, 'status')?.match(/^Groups:(.*)$/m)?.[1];
  return line?.split(/\s+/).filter(Boolean).map(Number);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').trim();
  } catch {
    return undefined; // Gone, or not ours to see.
  }
}
