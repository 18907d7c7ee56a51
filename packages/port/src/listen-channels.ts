import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_UID_MAX,
  HANDSHAKE_TIMEOUT_MS,
  PENDING_CONNECTS_MAX,
  isPortError,
  type PortAttributes,
  type StatusCode,
} from '@portcall/wire';
import type { IncomingLink, Transport } from '@portcall/transport';

import { defaultAcl, isAdmitted, type Acl } from './acl.js';
import { completeAttributes } from './attributes.js';
import { chooseTransport } from './choose-transport.js';
import { claimName, type ClaimedName } from './claim-name.js';
import { ConnectionRequest, type AcceptedLink } from './connection-request.js';
import { encodeRejectPayload } from './handshake-payload.js';
import { parsePortName } from './port-name.js';
import { linkOptions, type EndpointOptions } from './port-options.js';
import { runtimeDirectory } from './runtime-directory.js';

/** Decides on a client: calls `accept` or `reject`, now or later. */
export type ConnectHandler = (request: ConnectionRequest) => void | Promise<void>;

/** Options of a listening port. */
export interface ListenPortOptions extends EndpointOptions {
  /** Who may connect. Default: the user of this process, and root. */
  readonly acl?: Acl;
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
  readonly name: string;
  readonly attributes: PortAttributes;
  readonly transport: Transport;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
  /** An accepted connection has ended: its place is free. */
  releasePlace(uid: number | undefined): void;
  /** Takes the name away and stops listening; connections stay. Safe to call twice. */
  stop(): Promise<void>;
}

/** The socket of a session port admits its owner (and root, whom nothing keeps out). */
const SESSION_SOCKET_MODE = 0o600;

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
  const portName = parsePortName(name);
  const attributes = completeAttributes(options.attributes);
  const { transport, fallbackReason } = await chooseTransport(options.transport);
  const desk = new AcceptDesk({ name, attributes, options, onAccepted, transport });
  const claimed: ClaimedName = await claimName({
    transport,
    name: portName,
    directory: options.directory ?? runtimeDirectory(),
    listen: {
      ...linkOptions(options, attributes, HANDSHAKE_TIMEOUT_MS),
      mode: SESSION_SOCKET_MODE,
      pendingConnectsMax: options.maxPendingConnects ?? PENDING_CONNECTS_MAX,
      busyPayload: encodeRejectPayload({ status: 'SERVER_BUSY', info: new Uint8Array(0) }),
      onIncoming: (incoming) => desk.receive(incoming),
    },
  });
  let stopping: Promise<void> | undefined;
  return {
    name,
    attributes,
    transport,
    fallbackReason,
    releasePlace: (uid) => desk.release(uid),
    stop: () => (stopping ??= claimed.close()),
  };
}

interface DeskParts {
  readonly name: string;
  readonly attributes: PortAttributes;
  readonly options: ListenPortOptions;
  readonly transport: Transport;
  readonly onAccepted: (accepted: AcceptedLink) => void;
}

/** Looks at each client in turn: who is it, is there a place, what does the program say. */
class AcceptDesk {
  readonly #parts: DeskParts;
  readonly #acl: Acl;
  readonly #byUid = new Map<number | undefined, number>();
  #total = 0;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    // Without the kernel's word on who calls, the session directory (mode 700) is the access
    // control; a list of the program's own then fails closed.
    const fallback = parts.transport.capabilities.identity ? defaultAcl() : undefined;
    this.#acl = parts.options.acl ?? fallback ?? [{ action: 'allow' }];
  }

  receive(incoming: IncomingLink): void {
    const uid = incoming.peer?.uid;
    if (!isAdmitted(this.#acl, incoming.peer)) {
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
