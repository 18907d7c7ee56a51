import { CommunicationPort, type MessageHandler } from './communication-port.js';
import { connectChannel, type ConnectOptions } from './connect-channel.js';

/** Options of {@link connectPort}. */
export interface ConnectPortOptions extends ConnectOptions {
  /** Handles what the server sends. */
  readonly onMessage?: MessageHandler;
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
  const { channel, info } = await connectChannel(name, options);
  const { onMessage } = options;
  return new CommunicationPort({
    channel,
    info,
    context: undefined,
    onMessage,
    onClosed: undefined,
  });
}
