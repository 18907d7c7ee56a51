import type { IncomingExtras, IncomingRequest } from './incoming-request.js';
import type { MessageData } from './message-data.js';
import type { PortClosed } from './port-closed.js';

/** Who gets what the peer sends. Nothing here may throw. */
export interface ChannelHandler {
  /** A request: answer it once. `data` is borrowed. */
  onRequest(request: IncomingRequest, data: MessageData): void;
  /** A datagram. `data` is borrowed. */
  onDatagram(data: MessageData, extras: IncomingExtras): void;
  /** The other end waits in this very thread: what would be done later is to be done now. */
  runNow?(): void;
  /** Messages had to wait to be sent, and none waits any more. */
  onDrained?(): void;
  /** The last call of all. */
  onClosed(closed: PortClosed): void;
}
