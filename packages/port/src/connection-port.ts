import { isPortError, type PortAttributes } from '@portcall/wire';

import type { Acl } from './acl.js';
import { CommunicationPort, type SharedInbox } from './communication-port.js';
import type { AcceptedChannel } from './connection-request.js';
import { FairInbox } from './fair-inbox.js';
import { Receivers } from './inbox.js';
import { listenChannels, type ListeningPort } from './listen-channels.js';
import type { ListenPortOptions } from './listen-options.js';
import type { CloseOptions, MessageHandler, PortMessage, ReceiveOptions } from './port-end.js';
import { PortTotals, type PortStatistics } from './port-totals.js';

/** Options of {@link createPort}. */
export interface CreatePortOptions extends ListenPortOptions {
  /** Handles the messages of all clients. Without one they wait for `ConnectionPort.receive()`. */
  readonly onMessage?: MessageHandler;
  /** A client was accepted and this is the server's end of the connection. */
  readonly onConnected?: (port: CommunicationPort) => void;
}

/** What a connection port is made of. */
export interface ConnectionPortParts {
  readonly listening: ListeningPort;
  readonly ports: Set<CommunicationPort>;
  /** Those who wait for messages; `undefined` where a handler gets them. */
  readonly receivers: Receivers | undefined;
  /** Messages that wait for them. */
  readonly queue: FairInbox;
  readonly totals: PortTotals;
}

/**
 * A named connection port: accepts clients, each of which gets a communication port of its own.
 *
 * *Owner*: whoever created it; `close()` or `await using` ends it and its connections.
 */
export class ConnectionPort implements AsyncDisposable, AsyncIterable<PortMessage> {
  readonly #parts: ConnectionPortParts;
  readonly #listening: ListeningPort;
  readonly #ports: Set<CommunicationPort>;

  constructor(parts: ConnectionPortParts) {
    this.#parts = parts;
    this.#listening = parts.listening;
    this.#ports = parts.ports;
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

  /** Clients that are served by a thread of their own now; not among `connections`. */
  get quickConnections(): number {
    return this.#listening.threads?.count ?? 0;
  }

  /** Counts over all connections, ended ones too; clients with threads of their own left out. */
  get statistics(): PortStatistics {
    return this.#parts.totals.of(this.#ports);
  }

  /**
   * Puts another access control list in place, for connections that there are as well: those that
   * it does not admit are closed with ACCESS_DENIED; those that may not call have requests refused.
   *
   * @throws TypeError for a list that is none
   */
  setAcl(acl: Acl): void {
    this.#listening.setAcl(acl);
  }

  /**
   * Takes the next message of any client, in turn: after 32 messages or 64 KiB of one it is another
   * one's turn. The last one of each connection is of kind 'port-closed' or 'client-died'.
   *
   * @returns `undefined` when the time is over
   * @throws PortError DISCONNECTED when the port is closed, CANCELED; TypeError for a port with a
   * handler
   *
   * Source: NtReplyWaitReceivePort on a connection port.
   */
  receive(options: ReceiveOptions = {}): Promise<PortMessage | undefined> {
    const { receivers } = this.#parts;
    if (receivers !== undefined) return receivers.receive(options);
    return Promise.reject(new TypeError('Cannot receive: messages go to the handler'));
  }

  /** Replies to a message, then takes the next one of any client. */
  async replyAndReceive(
    message: PortMessage,
    data: Uint8Array,
    options: ReceiveOptions = {},
  ): Promise<PortMessage | undefined> {
    await message.reply(data);
    return this.receive(options);
  }

  /** Messages of all clients until the port is closed. */
  async *[Symbol.asyncIterator](): AsyncIterator<PortMessage> {
    for (;;) {
      let message: PortMessage | undefined;
      try {
        message = await this.receive();
      } catch (error) {
        if (isPortError(error) && error.code === 'DISCONNECTED') return;
        throw error;
      }
      if (message !== undefined) yield message;
    }
  }

  /** Takes the name away, lets calls finish for `drainMs`, then ends the connections. */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#listening.stop();
    await Promise.all([
      this.#listening.threads?.close(options),
      ...[...this.#ports].map((port) => port.close(options)),
    ]);
    this.#parts.receivers?.end();
    this.#parts.queue.discard();
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
  const { onMessage, wants = [] } = options;
  const ports = new Set<CommunicationPort>();
  const totals = new PortTotals();
  const queue = new FairInbox();
  const receivers = onMessage === undefined ? new Receivers(queue, name) : undefined;
  const inbox = receivers === undefined ? undefined : sharedInbox(queue, receivers);
  const onAccepted = (accepted: AcceptedChannel): void => {
    const { channel, info, context, security } = accepted;
    const port = new CommunicationPort({
      channel,
      info,
      context,
      security,
      isTracked: false,
      wants,
      onMessage,
      inbox,
      onDrain: undefined,
      onClosed: (closed) => {
        ports.delete(closed);
        totals.add(closed.statistics);
      },
      // Only now: the notices of connections that come and go must not pile up.
      onGone: () => listening.release(channel),
    });
    ports.add(port);
    options.onConnected?.(port);
  };
  const listening = await listenChannels(name, options, onAccepted);
  const server = new ConnectionPort({ listening, ports, receivers, queue, totals });
  void listening.handedOver.then(() => server.close());
  return server;
}

function sharedInbox(queue: FairInbox, receivers: Receivers): SharedInbox {
  return { queue, wake: () => receivers.wake(), isReceived: () => receivers.isUsed };
}
