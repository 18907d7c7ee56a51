import { afterEach, beforeEach } from 'vitest';

import {
  connectPort,
  createPort,
  type CommunicationPort,
  type ConnectPortOptions,
  type ConnectionPort,
  type CreatePortOptions,
} from '@portcall/port';
import type { Transport } from '@portcall/transport';

import { countResources, expectResources, type ResourceCounts } from '../leak-check.js';
import { createTemporaryRuntime, type TemporaryRuntime } from '../temporary-runtime.js';
import type { TransportUnderTest } from '../transports.js';
import { within } from '../wait-until.js';

/** Name of the port of a test that needs one only. */
export const PORT_NAME = 'test/port';

/** A connected pair, and the port that accepted. */
export interface ConnectedPair {
  readonly server: ConnectionPort;
  readonly client: CommunicationPort;
  /** The server's end of the connection. */
  readonly accepted: CommunicationPort;
}

/** What a pair is made with. */
export interface PairOptions {
  readonly server?: CreatePortOptions;
  readonly client?: ConnectPortOptions;
}

/**
 * Everything one test makes: closed at its end, then nothing of it may be left, neither in the
 * runtime directory nor in the process.
 */
export class PortWorld {
  readonly subject: TransportUnderTest;
  #transport: Transport | undefined;
  #runtime: TemporaryRuntime | undefined;
  #base: ResourceCounts | undefined;
  #servers: ConnectionPort[] = [];
  #clients: CommunicationPort[] = [];
  #closers: (() => Promise<void>)[] = [];

  constructor(subject: TransportUnderTest) {
    this.subject = subject;
  }

  get transport(): Transport {
    if (this.#transport === undefined) throw new Error('No test is running');
    return this.#transport;
  }

  get runtime(): TemporaryRuntime {
    if (this.#runtime === undefined) throw new Error('No test is running');
    return this.#runtime;
  }

  /** What both sides need to meet in this test's world. */
  get meeting(): { readonly transport: Transport; readonly directory: string } {
    return { transport: this.transport, directory: this.runtime.directory };
  }

  open(): void {
    this.#base = countResources();
    this.#transport = this.subject.create();
    this.#runtime = createTemporaryRuntime();
  }

  /** Has something else closed at the end of the test, after the ports. */
  onClose(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async createPort(options: CreatePortOptions = {}, name = PORT_NAME): Promise<ConnectionPort> {
    const server = await createPort(name, { ...this.meeting, ...options });
    this.#servers.push(server);
    return server;
  }

  async connect(options: ConnectPortOptions = {}, name = PORT_NAME): Promise<CommunicationPort> {
    const client = await connectPort(name, { ...this.meeting, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A server, a client, and the server's end. */
  async pair(options: PairOptions = {}, name = PORT_NAME): Promise<ConnectedPair> {
    let onAccepted: (port: CommunicationPort) => void;
    const acceptedSoon = new Promise<CommunicationPort>((resolve) => (onAccepted = resolve));
    const server = await this.createPort(
      {
        ...options.server,
        onConnected: (port) => {
          options.server?.onConnected?.(port);
          onAccepted(port);
        },
      },
      name,
    );
    const client = await this.connect(options.client, name);
    return { server, client, accepted: await acceptedSoon };
  }

  /** Ends everything. @throws Error when anything is left */
  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) {
      client.abort();
      await within('a client to close', client.closed);
    }
    for (const server of this.#servers.splice(0)) {
      await within('a server to close', server.close({ drainMs: 0 }));
      if (server.connections.size > 0) throw new Error('Connections are left after close');
    }
    for (const close of this.#closers.splice(0)) await close();
    const base = this.#base ?? countResources();
    try {
      await expectResources(base);
    } finally {
      this.#transport = undefined;
      this.runtime.remove();
    }
  }
}

/** A world for each test of the suite that calls this. */
export function usePortWorld(subject: TransportUnderTest): PortWorld {
  const world = new PortWorld(subject);
  beforeEach(() => world.open());
  afterEach(() => world.close());
  return world;
}
