import { readdirSync } from 'node:fs';

import {
  connectPort,
  createPort,
  type CommunicationPort,
  type ConnectionPort,
  type CreatePortOptions,
  type PortClosed,
  type PortMessage,
} from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectResources,
  numberedBytes,
  sameBytes,
  waitUntil,
  within,
  type ResourceCounts,
  type TemporaryRuntime,
} from '@portcall/testing';

import { TARGET_NAME } from './target-name.js';

/** How a connection ended, and when its server was told, on `performance.now()`'s clock. */
export interface End {
  readonly closed: PortClosed;
  readonly atMs: number;
}

/** A connection that the target took. */
export interface Taken {
  readonly port: CommunicationPort;
  readonly end: Promise<End>;
}

/**
 * A server in this process whose clients are killed, and what must be as before afterwards.
 *
 * *owner*: whoever opened it closes it.
 */
export class Target implements AsyncDisposable {
  readonly #runtime: TemporaryRuntime;
  readonly #server: ConnectionPort;
  readonly #before: ResourceCounts;
  #base: ResourceCounts;
  #descriptors: number;
  /** Connections in the order of their arrival; those who look at them take them out. */
  readonly taken: Taken[];

  private constructor(
    runtime: TemporaryRuntime,
    server: ConnectionPort,
    before: ResourceCounts,
    taken: Taken[],
  ) {
    this.#runtime = runtime;
    this.#server = server;
    this.#before = before;
    this.#base = countResources();
    this.#descriptors = countDescriptors();
    this.taken = taken;
  }

  /** Starts the server. It echoes unless `options.onMessage` says otherwise. */
  static async open(options: CreatePortOptions = {}): Promise<Target> {
    const before = countResources();
    const runtime = createTemporaryRuntime();
    const taken: Taken[] = [];
    const server = await createPort(TARGET_NAME, {
      directory: runtime.directory,
      onMessage: echo,
      ...options,
      onConnected: (port) => {
        const end = port.closed.then((closed) => ({ closed, atMs: performance.now() }));
        taken.push({ port, end });
        options.onConnected?.(port);
      },
    });
    return new Target(runtime, server, before, taken);
  }

  get server(): ConnectionPort {
    return this.#server;
  }

  get directory(): string {
    return this.#runtime.directory;
  }

  /** Path of its socket. */
  get path(): string {
    return `${this.#runtime.directory}/${TARGET_NAME}`;
  }

  /** What is there now is what it shall come back to: healthy clients have connected. */
  rebase(): void {
    this.#base = countResources();
    this.#descriptors = countDescriptors();
  }

  /** The next connection, once it is there. */
  async next(): Promise<Taken> {
    await waitUntil('a connection', () => this.taken.length > 0);
    const taken = this.taken.shift();
    if (taken === undefined) throw new Error('The connection was taken by another');
    return taken;
  }

  /** Whether it still serves a client that does nothing wrong. @throws Error when not */
  async expectHealthy(): Promise<void> {
    const known = this.taken.length;
    const client = await connectPort(TARGET_NAME, { directory: this.directory });
    const data = numberedBytes(7, 100);
    try {
      const reply = await client.request(data, { timeoutMs: 5000 });
      if (!sameBytes(reply, data)) throw new Error('The healthy client got another reply');
    } finally {
      await within('the healthy client to close', client.close());
      const own = this.taken.splice(known);
      await within('its end', Promise.all(own.map(({ end }) => end)));
    }
  }

  /** Whether nothing is held of those that are gone. @throws Error when something is */
  async expectNothingLeft(connections = 0): Promise<void> {
    await waitUntil(`${connections} connections`, () => {
      return this.#server.connections.size === connections;
    });
    await expectResources(this.#base, 'the target');
    const areClosed = (): boolean => countDescriptors() <= this.#descriptors;
    await waitUntil(`no more than ${this.#descriptors} descriptors of any kind`, areClosed, 3000);
  }

  /** Ends the server. @throws Error when something of it is left */
  async close(): Promise<void> {
    await this.#server.close({ drainMs: 0 });
    await expectResources(this.#before, 'the target after its end');
    this.#runtime.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function echo(message: PortMessage): void {
  if (message.isRequest) void message.reply(message.data);
}

/** Every descriptor of this process, files and pipes too. */
function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
