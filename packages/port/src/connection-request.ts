import {
  ATTRIBUTE,
  FEATURE,
  PortError,
  isPortError,
  type ImpersonationLevel,
  type PortAttributes,
} from '@portcall/wire';
import type { IncomingLink, PeerIdentity } from '@portcall/transport';

import { completeAttributes, effectiveAttributes } from './attributes.js';
import { diagnostics } from './diagnostics.js';
import {
  decodeConnectPayload,
  encodeConnectPayload,
  encodeRejectPayload,
  type ConnectPayload,
} from './handshake-payload.js';
import { wantedBits, type AttributeName } from './message-attributes.js';
import { PortChannel } from './port-channel.js';
import type { QuickStart } from './quick-start.js';
import type { QuickConnection, QuickThreads } from './quick-threads.js';
import type { RateLimit } from './rate-limit.js';
import { SecurityContext } from './security-context.js';

/** What a server says when it accepts. */
export interface AcceptOptions {
  /** For the client: `CommunicationPort.info` there. At most `maxConnectInfo` bytes. */
  readonly info?: Uint8Array;
  /** For the server itself: `CommunicationPort.context`. */
  readonly context?: unknown;
  /** Limits for this client, instead of those of the port. */
  readonly attributes?: Partial<PortAttributes>;
}

/** An accepted connection, for whoever makes the communication port. */
export interface AcceptedChannel {
  readonly channel: PortChannel;
  /** The client by the kernel's word, also when it is anonymous to handlers. */
  readonly kernelPeer: PeerIdentity | undefined;
  /** The client as handlers may see it. */
  readonly security: SecurityContext;
  /** What the client said. */
  readonly info: Uint8Array;
  readonly context: unknown;
}

/** Who gives clients threads of their own. */
export interface QuickDesk {
  readonly threads: QuickThreads;
  /** What the link in the thread is made with. */
  readonly link: QuickStart['link'];
  readonly onStarted: (connection: QuickConnection, kernelPeer: PeerIdentity | undefined) => void;
}

/** What a connection request is made of. */
export interface ConnectionRequestParts {
  readonly incoming: IncomingLink;
  readonly attributes: PortAttributes;
  readonly portName: string;
  /** Attributes that the server wants with messages. */
  readonly wants: readonly AttributeName[];
  readonly onAccepted: (accepted: AcceptedChannel) => void;
  /** How often floods at this port are warned of. */
  readonly floodWarnings: RateLimit;
  /** Whether the access control list admits the client still. */
  readonly mayConnect: () => boolean;
  /** Gives a client that asks for one a thread of its own. */
  readonly quick: QuickDesk | undefined;
  /** Called once when the decision is made, or is no longer wanted. */
  readonly onSettled: () => void;
}

/**
 * A client that waits for the server's decision: `accept` or `reject`, exactly one of them, once,
 * now or later.
 */
export class ConnectionRequest {
  /** What the client said. Owner: the receiver. */
  readonly info: Uint8Array;
  readonly #parts: ConnectionRequestParts;
  readonly #theirs: ConnectPayload;
  #state: 'open' | 'decided' | 'gone' = 'open';

  /** @throws PortError PROTOCOL_ERROR, MESSAGE_TOO_LONG when the client's payload is not good */
  constructor(parts: ConnectionRequestParts) {
    this.#parts = parts;
    this.#theirs = decodeConnectPayload(parts.incoming.payload);
    const { maxConnectInfo } = parts.attributes;
    if (this.#theirs.info.length > maxConnectInfo) {
      throw new PortError(
        'MESSAGE_TOO_LONG',
        `Cannot take connection request: info is ${this.#theirs.info.length} bytes, ` +
          `limit is ${maxConnectInfo} bytes`,
      );
    }
    this.info = this.#theirs.info;
    parts.incoming.onGone = () => {
      if (this.#state !== 'open') return;
      this.#state = 'gone';
      parts.onSettled();
    };
  }

  /**
   * The client, as the kernel identified it; `undefined` where it cannot, or where the client wants
   * to be anonymous (the access control list was asked all the same).
   */
  get peer(): PeerIdentity | undefined {
    return this.level === 'anonymous' ? undefined : this.#parts.incoming.peer;
  }

  /** What the server may learn of the client, and do for it. */
  get level(): ImpersonationLevel {
    return effectiveAttributes(this.#parts.attributes, this.#theirs.attributes).allowImpersonation;
  }

  /** Whether a decision was made already. */
  get isDecided(): boolean {
    return this.#state === 'decided';
  }

  /**
   * Lets the client in.
   *
   * @throws PortError REPLY_MISMATCH for a second decision, DISCONNECTED when the client has gone,
   * QUOTA_EXCEEDED, ACCESS_DENIED when the list has changed meanwhile; RangeError when `info` is
   * too long; DataCloneError for a context that no quick thread can have
   */
  accept(options: AcceptOptions = {}): void {
    const { info = new Uint8Array(0) } = options;
    const own = completeAttributes({ ...this.#parts.attributes, ...options.attributes });
    this.#checkInfo(info);
    this.#decide('accept');
    const { incoming, portName, wants, onAccepted, onSettled } = this.#parts;
    try {
      if (!this.#parts.mayConnect()) throw notAnyMore(portName);
      const effective = effectiveAttributes(own, this.#theirs.attributes);
      const payload = encodeConnectPayload({
        attributes: own,
        wanted: wantedBits(wants),
        isDynamic: false,
        effectiveOnly: false,
        info,
      });
      const start = {
        attributes: effective,
        portName,
        wants: this.#agreed(effective),
        peerWants: this.#theirs.wanted,
      };
      if (this.#tryQuick(payload, start, options.context)) return;
      const link = incoming.accept(payload);
      const { floodWarnings } = this.#parts;
      const channel = new PortChannel(link, { ...start, floodWarnings });
      const security = this.#securityOf(effective.allowImpersonation);
      const kernelPeer = incoming.peer;
      if (diagnostics.accept.hasSubscribers) {
        const { transportName } = link;
        diagnostics.accept.publish({ portName, peer: kernelPeer, transportName });
      }
      const { context } = options;
      onAccepted({ channel, kernelPeer, security, info: this.info, context });
    } catch (error) {
      // Nothing was sent: the client is told why. Without effect when it has gone.
      const status = isPortError(error) ? error.code : 'CONNECTION_REFUSED';
      incoming.reject(encodeRejectPayload({ status, info: new Uint8Array(0) }));
      throw error;
    } finally {
      onSettled();
    }
  }

  /**
   * Sends the client away: its `connectPort` fails with CONNECTION_REFUSED and `error.info`.
   *
   * @throws PortError REPLY_MISMATCH for a second decision, RangeError when `info` is too long
   */
  reject(info: Uint8Array = new Uint8Array(0)): void {
    this.#checkInfo(info);
    this.#decide('reject');
    if (diagnostics.reject.hasSubscribers) {
      const { portName, incoming } = this.#parts;
      const code = 'CONNECTION_REFUSED';
      diagnostics.reject.publish({ portName, peer: incoming.peer, code });
    }
    this.#parts.incoming.reject(encodeRejectPayload({ status: 'CONNECTION_REFUSED', info }));
    this.#parts.onSettled();
  }

  /** @returns whether the client asked for a thread of its own, and got one */
  #tryQuick(acceptPayload: Uint8Array, channel: QuickStart['channel'], context: unknown): boolean {
    const { quick, incoming, wants } = this.#parts;
    if (quick === undefined || (incoming.features & FEATURE.QUICK) === 0) return false;
    const kernelPeer = incoming.peer;
    // Before the client is given up to the thread: it throws for what cannot be posted.
    const posted: unknown = structuredClone(context);
    const detached = quick.threads.hasPlace ? incoming.detach?.() : undefined;
    if (detached === undefined) return false;
    const { isDynamic, effectiveOnly } = this.#theirs;
    const level = channel.attributes.allowImpersonation;
    const connection = quick.threads.start({
      detached,
      acceptPayload,
      link: quick.link,
      channel,
      names: wants,
      info: this.info,
      context: posted,
      security: { level, isDynamic, effectiveOnly },
    });
    quick.onStarted(connection, kernelPeer);
    return true;
  }

  /** Which attributes may come: some only if the client agreed to more than that. */
  #agreed({ allowImpersonation, dupObjectTypes }: PortAttributes): number {
    let bits = wantedBits(this.#parts.wants);
    if (!this.#theirs.isDynamic) bits &= ~ATTRIBUTE.SECURITY;
    if (allowImpersonation !== 'impersonate') bits &= ~ATTRIBUTE.ON_BEHALF_OF;
    if (dupObjectTypes.length === 0) bits &= ~ATTRIBUTE.HANDLE;
    return bits;
  }

  #securityOf(level: ImpersonationLevel): SecurityContext {
    const { isDynamic, effectiveOnly } = this.#theirs;
    return new SecurityContext({
      peer: this.#parts.incoming.peer,
      level,
      isDynamic,
      effectiveOnly,
    });
  }

  #checkInfo(info: Uint8Array): void {
    const { maxConnectInfo } = this.#parts.attributes;
    if (info.length <= maxConnectInfo) return;
    throw new RangeError(
      `Cannot answer connection request: info is ${info.length} bytes, limit is ` +
        `${maxConnectInfo} bytes`,
    );
  }

  #decide(verb: string): void {
    const { portName } = this.#parts;
    if (this.#state === 'decided') {
      throw new PortError(
        'REPLY_MISMATCH',
        `Cannot ${verb} connection request: it was decided on already`,
        { portName },
      );
    }
    if (this.#state === 'gone') {
      throw new PortError(
        'DISCONNECTED',
        `Cannot ${verb} connection request: the client has gone`,
        { portName },
      );
    }
    this.#state = 'decided';
  }
}

function notAnyMore(portName: string): PortError {
  return new PortError(
    'ACCESS_DENIED',
    'Cannot accept connection request: the access control list does not admit it any more',
    { portName },
  );
}
