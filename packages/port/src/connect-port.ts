import { CommunicationPort } from './communication-port.js';
import { connectChannel, type ConnectOptions } from './connect-channel.js';
import type { MessageHandler } from './port-end.js';

/** Options of {@link connectPort}. */
export interface ConnectPortOptions extends ConnectOptions {
  /**
   * Handles what the server sends. Without one its messages wait for `receive()`; until that is
   * called for the first time requests, which somebody waits for, are refused.
   */
  readonly onMessage?: MessageHandler;
  /** Messages had to wait to be sent, and none waits any more. */
  readonly onDrain?: () => void;
}

/**
 * Connects to a named port and yields this side's communication port.
 *
 * @param name `name`, `a/b` or `session:a/b`
 * @throws PortError PORT_NAME_INVALID, PORT_NOT_FOUND, ACCESS_DENIED, CONNECTION_REFUSED (with
 * `info`), SERVER_BUSY, TIMEOUT, CANCELED, DISCONNECTED; RangeError for bad options
 *
 * Source: NtConnectPort; unlike it, connect info that is too long is an error, not truncated.
 */
export async function connectPort(
  name: string,
  options: ConnectPortOptions = {},
): Promise<CommunicationPort> {
  const { onMessage, onDrain, wants = [] } = options;
  const { channel, info, security, isTracked, isQuick } = await connectChannel(name, options);
  return new CommunicationPort({
    channel,
    info,
    context: undefined,
    security,
    isTracked,
    isQuick,
    wants,
    onMessage,
    inbox: undefined,
    onDrain,
    onClosed: undefined,
  });
}
