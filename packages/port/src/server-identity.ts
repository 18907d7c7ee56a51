import { PortError } from '@portcall/wire';
import type { PeerIdentity } from '@portcall/transport';

import type { PortName, PortNamespace } from './port-name.js';

/** Who a server must be for a client to talk to it. All that is named must hold. */
export interface ServerRequirement {
  /**
   * Effective user. Left out, it is the namespace's default even where other conditions are given:
   * this user, for a system port root or this user. `'any'` requires none: alone, it lets in even a
   * server that the kernel does not identify, such as one outside of our pid namespace.
   */
  readonly uid?: number | 'any';
  /** Effective group. */
  readonly gid?: number;
  /** Path of the executable, exactly. */
  readonly exe?: string;
  /** Anything else; what it throws is a mismatch. */
  readonly predicate?: (server: PeerIdentity) => boolean;
}

/** A requirement with the namespace's defaults filled in. */
export interface RequiredServer {
  /** The program stated it: then a server that the kernel does not identify never meets it. */
  readonly explicit: boolean;
  /** Users that will do; `undefined`: any. */
  readonly uids: readonly number[] | undefined;
  readonly gid: number | undefined;
  readonly exe: string | undefined;
  readonly predicate: ((server: PeerIdentity) => boolean) | undefined;
  /** For messages. */
  readonly portName: string;
}

/** What is known of a server before anything was sent to it. */
export interface ListenerFacts {
  /** Who called `listen`, as the kernel states it. */
  readonly peer: PeerIdentity | undefined;
  /** Whether the transport can know. Where it can, not to know is a mismatch. */
  readonly hasIdentity: boolean;
  /** Who owns the socket's file; `undefined` where there is none. */
  readonly socketUid: number | undefined;
}

/** What a default depends on. */
export interface RequirementContext {
  /** Effective user of this process. */
  readonly own?: number | undefined;
  /** The transport stays in this process: no proof is needed by default. */
  readonly inProcess?: boolean;
}

const REQUIREMENT_KEYS: readonly string[] = ['uid', 'gid', 'exe', 'predicate'];

/**
 * Whom a client of a name requires, by its own statement or by default.
 *
 * A port in this process needs no proof.
 *
 * @throws TypeError for conditions that do not exist or have no value: they would require nothing
 */
export function requiredServer(
  name: PortName,
  stated?: ServerRequirement,
  context: RequirementContext = {},
): RequiredServer {
  if (stated !== undefined) checkRequirement(stated);
  const { uid, gid, exe, predicate } = stated ?? {};
  const { own = process.geteuid?.(), inProcess = false } = context;
  const namespace = inProcess ? 'inproc' : name.namespace;
  return {
    explicit: stated !== undefined,
    uids: uid === undefined ? defaultUids(namespace, own) : usersOf(uid),
    gid,
    exe,
    predicate,
    portName: name.text,
  };
}

/**
 * Checks who listens, before the client says anything.
 *
 * That may be root where another user is required: a server that listened first and gave up its
 * privileges later. What else is required is checked of the process that answers.
 *
 * @throws PortError SERVER_IDENTITY_MISMATCH
 */
export function checkListener(required: RequiredServer, facts: ListenerFacts): void {
  if (requiresNothing(required)) return;
  const { uids } = required;
  const { peer, hasIdentity, socketUid } = facts;
  if (peer === undefined) {
    if (required.explicit || hasIdentity) {
      throw mismatch(required, 'the kernel does not say who listens');
    }
    // By default, and where nobody can ask the kernel: what the file system vouches for.
    if (uids === undefined) return;
    if (socketUid === undefined) throw mismatch(required, 'nobody knows who owns its socket');
    if (uids.includes(socketUid)) return;
    throw mismatch(required, `user ${socketUid} owns its socket`);
  }
  if (uids === undefined || peer.uid === 0 || uids.includes(peer.uid)) return;
  throw mismatch(required, `user ${peer.uid} listens (process ${peer.pid})`);
}

/**
 * Checks who answered, before the client uses the answer.
 *
 * @param hasIdentity whether the transport can know
 * @throws PortError SERVER_IDENTITY_MISMATCH
 */
export function checkAcceptor(
  required: RequiredServer,
  acceptor: PeerIdentity | undefined,
  hasIdentity: boolean,
): void {
  if (requiresNothing(required)) return;
  if (acceptor === undefined) {
    if (!required.explicit && !hasIdentity) return; // The socket's owner was checked.
    throw mismatch(required, 'the kernel does not say who answered');
  }
  const { uids, gid, exe, predicate } = required;
  const { pid } = acceptor;
  if (uids !== undefined && !uids.includes(acceptor.uid)) {
    throw mismatch(required, `user ${acceptor.uid} answered (process ${pid})`);
  }
  if (gid !== undefined && gid !== acceptor.gid) {
    throw mismatch(required, `group ${acceptor.gid} answered (process ${pid})`);
  }
  if (exe !== undefined && exe !== acceptor.exe) {
    const found = acceptor.exe ?? 'a program that the kernel does not show';
    throw mismatch(required, `${found} answered (process ${pid})`);
  }
  if (predicate === undefined) return;
  let holds: boolean;
  try {
    holds = predicate(acceptor) === true;
  } catch (error) {
    throw mismatch(required, `the predicate threw for process ${pid}`, error);
  }
  if (!holds) throw mismatch(required, `the predicate refused process ${pid}`);
}

/** The program said so, or nobody else could be meant: then an unknown server will do as well. */
function requiresNothing({ uids, gid, exe, predicate }: RequiredServer): boolean {
  return [uids, gid, exe, predicate].every((condition) => condition === undefined);
}

function usersOf(uid: number | 'any'): readonly number[] | undefined {
  return uid === 'any' ? undefined : [uid];
}

function defaultUids(
  namespace: PortNamespace,
  own: number | undefined,
): readonly number[] | undefined {
  switch (namespace) {
    case 'inproc':
      return undefined;
    case 'system':
      return own === undefined || own === 0 ? [0] : [0, own];
    case 'session':
    case 'unnamed':
    case 'abstract':
      return own === undefined ? undefined : [own];
  }
}

function checkRequirement(stated: ServerRequirement): void {
  for (const [key, value] of Object.entries(stated)) {
    if (!REQUIREMENT_KEYS.includes(key)) {
      throw new TypeError(`Cannot use requireServer: it has "${key}", which no requirement has`);
    }
    if (value === undefined) {
      throw new TypeError(`Cannot use requireServer: it has "${key}" without a value`);
    }
  }
}

function mismatch(required: RequiredServer, found: string, cause?: unknown): PortError {
  const { portName } = required;
  const text = `Cannot connect to port "${portName}": ${found}, wanted ${wantedText(required)}`;
  return new PortError('SERVER_IDENTITY_MISMATCH', text, { portName, executed: 'no', cause });
}

function wantedText(required: RequiredServer): string {
  const { uids, gid, exe, predicate } = required;
  const parts = [
    uids === undefined ? [] : [`user ${uids.join(' or ')}`],
    gid === undefined ? [] : [`group ${gid}`],
    exe === undefined ? [] : [exe],
    predicate === undefined ? [] : ['what the predicate accepts'],
  ].flat();
  return parts.length === 0 ? 'any identified process' : parts.join(', ');
}
