import { FEATURE, STATUS, isPortError, type PortAttributes, type StatusCode } from '@portcall/wire';
import type { IncomingLink, PeerIdentity } from '@portcall/transport';

import { isAdmitted, type Acl } from './acl.js';
import { ConnectionRequest, type AcceptedChannel, type QuickDesk } from './connection-request.js';
import { diagnostics } from './diagnostics.js';
import { encodeRejectPayload } from './handshake-payload.js';
import type { ListenPortOptions } from './listen-options.js';
import { NameHandover } from './name-handover.js';
import type { OwnedName } from './owned-name.js';
import type { QuickStart } from './quick-start.js';
import type { QuickThreads } from './quick-threads.js';
import { floodWarningLimit } from './rate-limit.js';

/** A connection that was accepted, wherever it is served. */
export interface LiveConnection {
  /** Says goodbye with a status, and ends it. */
  close(status: number): void;
  /** Its requests are refused with this; `undefined` while it may call. */
  refusal: StatusCode | undefined;
}

/** What a desk works with. */
export interface DeskParts {
  readonly name: string;
  readonly attributes: PortAttributes;
  readonly options: ListenPortOptions;
  /** What the links of the port are made with. */
  readonly link: QuickStart['link'];
  readonly threads: QuickThreads | undefined;
  readonly acl: Acl;
  readonly onAccepted: (accepted: AcceptedChannel) => void;
}

/** Looks at each client in turn: who is it, is there a place, what does the program say. */
export class AcceptDesk {
  readonly #parts: DeskParts;
  readonly #byUid = new Map<number | undefined, number>();
  readonly #live = new Map<LiveConnection, PeerIdentity | undefined>();
  #handover: NameHandover | undefined;
  readonly #floodWarnings = floodWarningLimit();
  #total = 0;
  #acl: Acl;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#acl = parts.acl;
  }

  /** From now on a new server may ask for the name. @returns resolves when one has got it */
  offerName(owned: OwnedName, acceptPayload: Uint8Array): Promise<void> {
    const { options, attributes } = this.#parts;
    return new Promise((resolve) => {
      if (owned.handover === undefined) return;
      this.#handover = new NameHandover({
        name: owned.handover,
        enabled: options.handover === true,
        acceptPayload,
        refuse: (incoming, status) => this.#refuse(incoming, status),
        timeoutMs: attributes.handshakeTimeoutMs,
        onReplaced: resolve,
      });
    });
  }

  /** Ends a handover that is under way. @returns `undefined` when none is */
  settleHandover(): Promise<void> | undefined {
    return this.#handover?.settle();
  }

  /** A client has sent a well-formed request: lets it in, refuses it, or asks the program. */
  receive(incoming: IncomingLink): void {
    const { peer, features } = incoming;
    const uid = peer?.uid;
    if ((features & FEATURE.HANDOVER) !== 0) {
      const isAdmin = isAdmitted(this.#acl, peer, 'admin');
      if (this.#handover === undefined) this.#refuse(incoming, 'CONNECTION_REFUSED');
      else this.#handover.receive(incoming, isAdmin);
    } else if (!isAdmitted(this.#acl, peer)) {
      this.#refuse(incoming, 'ACCESS_DENIED');
    } else if (!this.#tryEnter(uid)) {
      this.#refuse(incoming, 'SERVER_BUSY');
    } else {
      void this.#decide(incoming, uid);
    }
  }

  /** A connection has ended: its place is free. Safe to call twice. */
  release(connection: LiveConnection): void {
    if (!this.#live.has(connection)) return;
    const uid = this.#live.get(connection)?.uid;
    this.#live.delete(connection);
    this.#leave(uid);
  }

  /** Puts another list in place, also for the connections that there are. */
  setAcl(acl: Acl): void {
    this.#acl = acl;
    for (const [connection, peer] of this.#live) {
      if (!isAdmitted(acl, peer)) connection.close(STATUS.ACCESS_DENIED.id);
      connection.refusal = isAdmitted(acl, peer, 'call') ? undefined : 'ACCESS_DENIED';
    }
  }

  #enter(accepted: AcceptedChannel): void {
    this.#watch(accepted.channel, accepted.kernelPeer);
    this.#parts.onAccepted(accepted);
  }

  #watch(connection: LiveConnection, peer: PeerIdentity | undefined): void {
    this.#live.set(connection, peer);
    if (!isAdmitted(this.#acl, peer, 'call')) connection.refusal = 'ACCESS_DENIED';
  }

  #quickDesk(onStarted: () => void): QuickDesk | undefined {
    const { threads, link } = this.#parts;
    if (threads === undefined) return undefined;
    return {
      threads,
      link,
      onStarted: (connection, peer) => {
        onStarted();
        this.#watch(connection, peer);
        void connection.ended.then(() => this.release(connection));
      },
    };
  }

  #leave(uid: number | undefined): void {
    this.#total--;
    const count = (this.#byUid.get(uid) ?? 1) - 1;
    if (count === 0) this.#byUid.delete(uid);
    else this.#byUid.set(uid, count);
  }

  async #decide(incoming: IncomingLink, uid: number | undefined): Promise<void> {
    const { name, attributes, options } = this.#parts;
    let accepted = false;
    let request: ConnectionRequest;
    try {
      request = new ConnectionRequest({
        incoming,
        attributes,
        portName: name,
        wants: options.wants ?? [],
        floodWarnings: this.#floodWarnings,
        mayConnect: () => isAdmitted(this.#acl, incoming.peer),
        quick: this.#quickDesk(() => (accepted = true)),
        onAccepted: (channel) => {
          accepted = true;
          this.#enter(channel);
        },
        onSettled: () => {
          if (!accepted) this.#leave(uid);
        },
      });
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#leave(uid);
      this.#refuse(incoming, error.code);
      return;
    }
    try {
      if (options.onConnect === undefined) request.accept();
      else await options.onConnect(request);
    } catch (error) {
      // A client that went away is no fault of the program; anything else is.
      if (!isPortError(error)) {
        warnOf(error);
      }
      if (!request.isDecided) refuseRequest(request);
    }
  }

  #tryEnter(uid: number | undefined): boolean {
    const { maxConnections, maxConnectionsPerUid } = this.#parts.attributes;
    const count = this.#byUid.get(uid) ?? 0;
    if (this.#total >= maxConnections || count >= maxConnectionsPerUid) return false;
    this.#total++;
    this.#byUid.set(uid, count + 1);
    return true;
  }

  #refuse(incoming: IncomingLink, code: StatusCode): void {
    if (diagnostics.reject.hasSubscribers) {
      diagnostics.reject.publish({ portName: this.#parts.name, peer: incoming.peer, code });
    }
    incoming.reject(encodeRejectPayload({ status: code, info: new Uint8Array(0) }));
  }
}

function refuseRequest(request: ConnectionRequest): void {
  try {
    request.reject();
  } catch (error) {
    if (!isPortError(error)) throw error; // It went away meanwhile.
  }
}

function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), 'PortcallHandlerWarning');
}
