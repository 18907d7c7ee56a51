import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_UID_MAX,
  FEATURE,
  HANDSHAKE_TIMEOUT_MS,
  PENDING_CONNECTS_MAX,
  isPortError,
  type PortAttributes,
  type StatusCode,
} from '@portcall/wire';
import type { IncomingLink, Transport } from '@portcall/transport';

import { isAdmitted, type Acl } from './acl.js';
import { completeAttributes } from './attributes.js';
import { claimName } from './claim-name.js';
import { ConnectionRequest, type AcceptedLink } from './connection-request.js';
import { encodeConnectPayload, encodeRejectPayload } from './handshake-payload.js';
import { NameHandover } from './name-handover.js';
import type { OwnedName } from './owned-name.js';
import { parseNewPortName } from './port-name.js';
import { linkOptions, type EndpointOptions } from './port-options.js';
import { chooseTransportFor, placeOf } from './port-place.js';
import { listAcl, socketAccess } from './socket-access.js';

/** Decides on a client: calls `accept` or `reject`, now or later. */
export type ConnectHandler = (request: ConnectionRequest) => void | Promise<void>;

/** Options of a listening port. */
export interface ListenPortOptions extends EndpointOptions {
  /** Who may connect. Default: the user of this process, and root. */
  readonly acl?: Acl;
  /**
   * Whether the name may change hands without a gap: this port asks for a name that a live server
   * has, and gives its own to whoever has the right `admin`. Default false: a name that is taken is
   * PORT_NAME_IN_USE.
   */
  readonly handover?: boolean;
  /** Decides on each client that the ACL admits. Default: accepts. */
  readonly onConnect?: ConnectHandler;
  /** Connections at once. Default 1 024. */
  readonly maxConnections?: number;
  /** Connections of one user at once. Default 256. */
  readonly maxConnectionsPerUid?: number;
  /** Clients of one user in the handshake at once. Default 16. */
  readonly maxPendingConnects?: number;
}

/** A named port that listens. */
export interface ListeningPort {
  /** In full: of an unnamed port with the digits that were made up for it. */
  readonly name: string;
  readonly attributes: PortAttributes;
  readonly transport: Transport;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
  /** An accepted connection has ended: its place is free. */
  releasePlace(uid: number | undefined): void;
  /** Puts another list in place of the present one, for whoever connects from now on. */
  setAcl(acl: Acl): void;
  /** Resolves when another server has the name: nobody new comes any more. */
  readonly handedOver: Promise<void>;
  /** Takes the name away and stops listening; connections stay. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Claims a name and hands every accepted connection to `onAccepted`.
 *
 * @throws PortError PORT_NAME_INVALID, PORT_NAME_IN_USE, ACCESS_DENIED
 */
export async function listenChannels(
  name: string,
  options: ListenPortOptions,
  onAccepted: (accepted: AcceptedLink) => void,
): Promise<ListeningPort> {
  const portName = parseNewPortName(name);
  const attributes = completeAttributes(options.attributes);
  const { transport, fallbackReason } = await chooseTransportFor(portName, options.transport);
  const { namespace } = portName;
  const acl = listAcl(namespace, transport, options.acl);
  const access = socketAccess(namespace, acl);
  const plainPayload = encodeConnectPayload({ attributes, info: new Uint8Array(0) });
  const desk = new AcceptDesk({ name: portName.text, attributes, options, onAccepted, acl });
  const claimed = await claimName({
    transport,
    name: portName,
    place: placeOf(portName, transport, options.directory),
    access,
    listen: {
      ...linkOptions(options, attributes, HANDSHAKE_TIMEOUT_MS),
      mode: access.mode,
      pendingConnectsMax: options.maxPendingConnects ?? PENDING_CONNECTS_MAX,
      busyPayload: encodeRejectPayload({ status: 'SERVER_BUSY', info: new Uint8Array(0) }),
      onIncoming: (incoming) => desk.receive(incoming),
    },
    handoverPayload: options.handover === true ? plainPayload : undefined,
  });
  const handedOver = desk.offerName(claimed, plainPayload);
  let stopping: Promise<void> | undefined;
  return {
    name: portName.text,
    attributes,
    transport,
    fallbackReason,
    handedOver,
    releasePlace: (uid) => desk.release(uid),
    setAcl(next) {
      desk.acl = listAcl(namespace, transport, next);
      claimed.setAccess(socketAccess(namespace, next));
    },
    stop: () => (stopping ??= desk.settleHandover().then(() => claimed.close())),
  };
}

interface DeskParts {
  readonly name: string;
  readonly attributes: PortAttributes;
  readonly options: ListenPortOptions;
  readonly acl: Acl;
  readonly onAccepted: (accepted: AcceptedLink) => void;
}

/** Looks at each client in turn: who is it, is there a place, what does the program say. */
class AcceptDesk {
  readonly #parts: DeskParts;
  readonly #byUid = new Map<number | undefined, number>();
  #handover: NameHandover | undefined;
  #total = 0;
  /** The list that holds for whoever comes now. */
  acl: Acl;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.acl = parts.acl;
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
        refuse,
        timeoutMs: options.handshakeTimeoutMs ?? attributes.handshakeTimeoutMs,
        onReplaced: resolve,
      });
    });
  }

  /** Ends a handover that is under way. */
  async settleHandover(): Promise<void> {
    await this.#handover?.settle();
  }

  receive(incoming: IncomingLink): void {
    const { peer, features } = incoming;
    const uid = peer?.uid;
    if ((features & FEATURE.HANDOVER) !== 0) {
      const isAdmin = isAdmitted(this.acl, peer, 'admin');
      if (this.#handover === undefined) refuse(incoming, 'CONNECTION_REFUSED');
      else this.#handover.receive(incoming, isAdmin);
    } else if (!isAdmitted(this.acl, peer)) {
      refuse(incoming, 'ACCESS_DENIED');
    } else if (!this.#tryEnter(uid)) {
      refuse(incoming, 'SERVER_BUSY');
    } else {
      void this.#decide(incoming, uid);
    }
  }

  release(uid: number | undefined): void {
    this.#total--;
    const count = (this.#byUid.get(uid) ?? 1) - 1;
    if (count === 0) this.#byUid.delete(uid);
    else this.#byUid.set(uid, count);
  }

  async #decide(incoming: IncomingLink, uid: number | undefined): Promise<void> {
    const { name, attributes, options, onAccepted } = this.#parts;
    let accepted = false;
    let request: ConnectionRequest;
    try {
      request = new ConnectionRequest({
        incoming,
        attributes,
        portName: name,
        onAccepted: (link) => {
          accepted = true;
          onAccepted(link);
        },
        onSettled: () => {
          if (!accepted) this.release(uid);
        },
      });
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.release(uid);
      refuse(incoming, error.code);
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
    const { options } = this.#parts;
    const count = this.#byUid.get(uid) ?? 0;
    if (this.#total >= (options.maxConnections ?? CONNECTIONS_MAX)) return false;
    if (count >= (options.maxConnectionsPerUid ?? CONNECTIONS_PER_UID_MAX)) return false;
    this.#total++;
    this.#byUid.set(uid, count + 1);
    return true;
  }
}

function refuse(incoming: IncomingLink, status: StatusCode): void {
  incoming.reject(encodeRejectPayload({ status, info: new Uint8Array(0) }));
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
