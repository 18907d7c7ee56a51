/* A process with at most one rpc server and one bound client, which does what its test says. */
import { bind, serve, type BoundClient, type PeerIdentity, type RpcServer } from '@portcall/rpc';

import { ConformanceService, type ConformanceClient } from '../gen/proto/conformance.portcall.js';
import { countResources } from '../leak-check.js';
import { ownFacts } from '../process-facts.js';
import { runCommands } from '../program-commands.js';
import { ConformanceServer } from '../rpc/conformance-server.js';

/** Where to serve or bind. */
export interface RpcNodeOptions {
  readonly name: string;
  readonly directory: string;
  readonly transport?: 'auto' | 'shm' | 'socket';
}

/** What a bound client says of its connection. */
export interface RpcNodeReport {
  readonly transportName: string;
  readonly fallbackReason: string | undefined;
  readonly peer?: PeerIdentity | undefined;
}

const handlers = new ConformanceServer();
let server: RpcServer | undefined;
let client: BoundClient<ConformanceClient> | undefined;

function bound(): BoundClient<ConformanceClient> {
  if (client === undefined) throw new Error('This program is not bound');
  return client;
}

const commands = {
  facts: () => ownFacts(),
  counts: () => countResources(),
  async serve({ name, ...endpoint }: RpcNodeOptions): Promise<RpcNodeReport> {
    server = await serve(name, [ConformanceService.implement(handlers)], endpoint);
    const { transportName, fallbackReason } = server;
    return { transportName, fallbackReason };
  },
  closeServer: () => server?.close({ drainMs: 0 }),
  state: () => ({
    connections: server?.connectionCount ?? 0,
    held: handlers.held.length,
    aborted: handlers.held.filter(({ context }) => context.signal.aborted).length,
    callers: handlers.held.map(({ context }) => context.caller),
  }),
  async bind({ name, ...endpoint }: RpcNodeOptions): Promise<RpcNodeReport> {
    client = await bind(ConformanceService, name, endpoint);
    const { transportName, fallbackReason, peer } = client.connection;
    return { transportName, fallbackReason, peer };
  },
  describe: () => bound().describe({}),
  fetch: async (lengthBytes: number) => (await bound().fetch({ lengthBytes })).data.length,
  /** Calls that the server keeps. */
  startHolds(count: number) {
    for (let number = 0; number < count; number++) {
      bound()
        .hold({ number })
        .catch(() => undefined);
    }
  },
  closeClient: () => bound().connection.close(),
};

/** The commands of this program. */
export type RpcNodeCommands = typeof commands;

runCommands(commands);
