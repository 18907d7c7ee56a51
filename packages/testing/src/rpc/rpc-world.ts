import { afterEach, beforeEach } from 'vitest';

import {
  bind,
  serve,
  type BindOptions,
  type BoundClient,
  type RpcServer,
  type ServeOptions,
  type ServiceDefinition,
} from '@portcall/rpc';
import type { Transport } from '@portcall/transport';

import {
  ConformanceService,
  type ConformanceClient,
  type ConformanceImplementation,
} from '../gen/proto/conformance.portcall.js';
import { countResources, expectResources, type ResourceCounts } from '../leak-check.js';
import { createTemporaryRuntime, type TemporaryRuntime } from '../temporary-runtime.js';
import type { TransportUnderTest } from '../transports.js';
import { within } from '../wait-until.js';
import { ConformanceServer } from './conformance-server.js';

/** Name of the port of every test. */
export const RPC_NAME = 'conformance';

/** The usual client. */
export type ConformanceBound = BoundClient<ConformanceClient>;

/** A client, its server, and what the server did. */
export interface RpcPair {
  readonly client: ConformanceBound;
  readonly server: RpcServer;
  readonly handlers: ConformanceServer;
}

/** What a pair is made with. */
export interface RpcPairOptions {
  readonly server?: ServeOptions;
  readonly client?: BindOptions;
  /** Handlers instead of the usual ones. */
  readonly overrides?: Partial<ConformanceImplementation>;
}

/** What both sides need to meet. */
interface Meeting {
  readonly transport: Transport;
  readonly directory: string;
}

/** Everything one test of calls makes; afterwards nothing of it may be left. */
export class RpcWorld {
  readonly subject: TransportUnderTest;
  /** What the servers' `onError` got. */
  errors: unknown[] = [];
  #meeting: Meeting | undefined;
  #runtime: TemporaryRuntime | undefined;
  #base: ResourceCounts | undefined;
  #servers: RpcServer[] = [];
  #clients: BoundClient<object>[] = [];

  constructor(subject: TransportUnderTest) {
    this.subject = subject;
  }

  /** What both sides need to meet in this test's world. */
  get meeting(): Meeting {
    if (this.#meeting === undefined) throw new Error('No test is running');
    return this.#meeting;
  }

  open(): void {
    this.errors = [];
    this.#base = countResources();
    this.#runtime = createTemporaryRuntime();
    this.#meeting = { transport: this.subject.create(), directory: this.#runtime.directory };
  }

  async serve(
    services: Parameters<typeof serve>[1],
    options: ServeOptions = {},
  ): Promise<RpcServer> {
    const onError = (error: unknown): void => void this.errors.push(error);
    const server = await serve(RPC_NAME, services, { onError, ...this.meeting, ...options });
    this.#servers.push(server);
    return server;
  }

  async bind<Client extends object, Implementation extends object>(
    service: ServiceDefinition<Client, Implementation>,
    options: BindOptions = {},
  ): Promise<BoundClient<Client>> {
    const client = await bind(service, RPC_NAME, { ...this.meeting, ...options });
    this.#clients.push(client);
    return client;
  }

  /** The usual server and the usual client. */
  async pair(options: RpcPairOptions = {}): Promise<RpcPair> {
    const handlers = Object.assign(new ConformanceServer(), options.overrides);
    const server = await this.serve([ConformanceService.implement(handlers)], options.server);
    const client = await this.bind(ConformanceService, options.client);
    return { client, server, handlers };
  }

  /** Ends everything. @throws Error when anything is left */
  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) {
      await within('a client to close', client.connection.close());
    }
    for (const server of this.#servers.splice(0)) {
      await within('a server to close', server.close({ drainMs: 0 }));
      if (server.connectionCount > 0) throw new Error('Connections are left after close');
    }
    try {
      await expectResources(this.#base ?? countResources());
    } finally {
      this.#runtime?.remove();
    }
  }
}

/** A world for each test of the suite that calls this. */
export function useRpcWorld(subject: TransportUnderTest): RpcWorld {
  const world = new RpcWorld(subject);
  beforeEach(() => world.open());
  afterEach(() => world.close());
  return world;
}
