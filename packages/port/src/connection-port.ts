import type { PortAttributes } from '@portcall/wire';

import { CommunicationPort, type MessageHandler } from './communication-port.js';
import type { AcceptedLink } from './connection-request.js';
import { listenChannels, type ListenPortOptions, type ListeningPort } from './listen-channels.js';
import { PortChannel } from './port-channel.js';
import type { CloseOptions } from './port-end.js';

/** Options of {@link createPort}. */
export interface CreatePortOptions extends ListenPortOptions {
  /** Handles the messages of all clients. */
  readonly onMessage?: MessageHandler;
  /** A client was accepted and this is the server's end of the connection. */
  readonly onConnected?: (port: CommunicationPort) => void;
}

/**
 * A named connection port: accepts clients, each of which gets a communication port of its own.
 *
 * *Owner*: whoever created it; `close()` or `await using` ends it and its connections.
 */
export class ConnectionPort implements AsyncDisposable {
  readonly #listening: ListeningPort;
  readonly #ports: Set<CommunicationPort>;

  constructor(listening: ListeningPort, ports: Set<CommunicationPort>) {
    this.#listening = listening;
    this.#ports = ports;
  }

  /** The name, as given to `createPort`; of an unnamed port with its digits. */
  get name(): string {
    return this.#listening.name;
  }

  /** This side's limits. */
  get attributes(): PortAttributes {
    return this.#listening.attributes;
  }

  /** Name of the transport that listens. */
  get transportName(): string {
    return this.#listening.transport.name;
  }

  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  get fallbackReason(): string | undefined {
    return this.#listening.fallbackReason;
  }

  /**
   * Resolves when another server has taken the name over (option `handover`); this port then closes
   * itself, as by `close()`. Pending for as long as the name is ours.
   */
  get handedOver(): Promise<void> {
    return this.#listening.handedOver;
  }

  /** The server's ends of the connections that are open now. */
  get connections(): ReadonlySet<CommunicationPort> {
    return this.#ports;
  }

  /** Takes the name away, lets calls finish for `drainMs`, then ends the connections. */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#listening.stop();
    await Promise.all([...this.#ports].map((port) => port.close(options)));
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Creates a named port and begins to accept clients.
 *
 * @param name `name`, `a/b` or `session:a/b`: 1 to 4 segments of letters, digits, `_`, `.`, `-`;
 * with `system:`, `abstract:` or `inproc:` before it in another namespace; `unnamed:` alone
 * @throws PortError PORT_NAME_INVALID, PORT_NAME_IN_USE, ACCESS_DENIED (the runtime directory
 * cannot be used); RangeError for bad options
 *
 * Source: NtCreatePort, NtListenPort, NtAcceptConnectPort.
 */
export async function createPort(
  name: string,
  options: CreatePortOptions = {},
): Promise<ConnectionPort> {
  const ports = new Set<CommunicationPort>();
  const onAccepted = (accepted: AcceptedLink): void => {
    const { link, attributes, info, context } = accepted;
    const port = new CommunicationPort({
      channel: new PortChannel(link, { attributes, portName: name }),
      info,
      context,
      onMessage: options.onMessage,
      onClosed: (closed) => {
        ports.delete(closed);
        listening.releasePlace(link.peer?.uid);
      },
    });
    ports.add(port);
    options.onConnected?.(port);
  };
  const listening = await listenChannels(name, options, onAccepted);
  const server = new ConnectionPort(listening, ports);
  void listening.handedOver.then(() => server.close());
  return server;
}
