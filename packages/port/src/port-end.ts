import type { PortAttributes } from '@portcall/wire';
import type { PeerIdentity, TransportCapabilities } from '@portcall/transport';

import type { PortClosed } from './port-closed.js';

/** How long a request may take, and what ends it early. */
export interface RequestOptions {
  /** Milliseconds from now; none when left out. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

/** How to close. */
export interface CloseOptions {
  /** Milliseconds to wait for calls that are under way, of either side. Default 5 000. */
  readonly drainMs?: number;
}

/** One end of a connection, as programs use it. */
export interface PortEnd extends AsyncDisposable {
  /** What the other side said at connect or accept. */
  readonly info: Uint8Array;
  /** What the server attached in `accept`; `undefined` on the client. */
  readonly context: unknown;
  /** Resolves when the connection has ended, with the reason. Never rejects. */
  readonly closed: Promise<PortClosed>;
  /** The process at the other end, as the kernel identified it; `undefined` where it cannot. */
  readonly peer: PeerIdentity | undefined;
  /** What the transport can do. */
  readonly capabilities: TransportCapabilities;
  /** Name of the transport that carries this connection. */
  readonly transportName: string;
  /** The limits that hold: of each the smaller of both sides' values. */
  readonly attributes: PortAttributes;
  /**
   * Sends a request and waits for its reply.
   *
   * @param data may not be changed until the promise settles; at most `attributes.maxMessageLength`
   * @returns the reply's data; the caller's own
   * @throws PortError TIMEOUT, CANCELED, DISCONNECTED, REPLY_LOST, MESSAGE_TOO_LONG,
   * QUOTA_EXCEEDED, or what the server answered
   */
  request(data: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /**
   * Sends a datagram: no reply, no word whether it was handled.
   *
   * @param data may not be changed until the promise resolves
   * @returns when the transport has taken it
   * @throws PortError DISCONNECTED, MESSAGE_TOO_LONG, QUOTA_EXCEEDED
   */
  send(data: Uint8Array): Promise<void>;
  /** Lets the process end while this port is open. */
  unref(): void;
  /**
   * Waits for the calls that are under way, then ends the connection. Safe to call twice.
   *
   * Calls that still run after `drainMs` fail at both ends.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends the connection now. */
  abort(): void;
}
