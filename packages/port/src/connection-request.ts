import { PortError, type PortAttributes } from '@portcall/wire';
import type { IncomingLink, Link, PeerIdentity } from '@portcall/transport';

import { effectiveAttributes } from './attributes.js';
import {
  decodeConnectPayload,
  encodeConnectPayload,
  encodeRejectPayload,
  type ConnectPayload,
} from './handshake-payload.js';

/** What a server says when it accepts. */
export interface AcceptOptions {
  /** For the client: `CommunicationPort.info` there. At most `maxConnectInfo` bytes. */
  readonly info?: Uint8Array;
  /** For the server itself: `CommunicationPort.context`. */
  readonly context?: unknown;
}

/** An accepted connection, for whoever makes the communication port. */
export interface AcceptedLink {
  readonly link: Link;
  readonly attributes: PortAttributes;
  readonly info: Uint8Array;
  readonly context: unknown;
}

/** What a connection request is made of. */
export interface ConnectionRequestParts {
  readonly incoming: IncomingLink;
  readonly attributes: PortAttributes;
  readonly portName: string;
  readonly onAccepted: (accepted: AcceptedLink) => void;
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

  /** The client, as the kernel identified it; `undefined` where it cannot. */
  get peer(): PeerIdentity | undefined {
    return this.#parts.incoming.peer;
  }

  /** Whether a decision was made already. */
  get isDecided(): boolean {
    return this.#state === 'decided';
  }

  /**
   * Lets the client in.
   *
   * @throws PortError REPLY_MISMATCH for a second decision, DISCONNECTED when the client has gone,
   * RangeError when `info` is too long
   */
  accept(options: AcceptOptions = {}): void {
    const info = options.info ?? new Uint8Array(0);
    this.#checkInfo(info);
    this.#decide('accept');
    const { incoming, attributes, onAccepted, onSettled } = this.#parts;
    try {
      const link = incoming.accept(encodeConnectPayload({ attributes, info }));
      const effective = effectiveAttributes(attributes, this.#theirs.attributes);
      onAccepted({ link, attributes: effective, info: this.info, context: options.context });
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
    this.#parts.incoming.reject(encodeRejectPayload({ status: 'CONNECTION_REFUSED', info }));
    this.#parts.onSettled();
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
