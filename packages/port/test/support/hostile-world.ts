import { readdirSync } from 'node:fs';

import { afterEach, beforeEach } from 'vitest';

import { HostilePeer, type PeerReport } from '@portcall/hostile';
import {
  connectPort,
  createPort,
  type ConnectionPort,
  type ConnectionRequest,
  type CreatePortOptions,
  type PortMessage,
} from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectResources,
  sameBytes,
  waitUntil,
  within,
  type ResourceCounts,
  type TemporaryRuntime,
} from '@portcall/testing';

/** What an attack is carried by, and how the server listens. */
export interface Ground {
  readonly name: string;
  readonly server: 'shm' | 'socket';
  /** Whether the peer asks for shared memory. */
  readonly shm: 0 | 1;
}

/** The peer's lines for one connection, in phases that all cases of a batch go through together. */
export interface HostileCase {
  readonly name: string;
  readonly phases: readonly (readonly string[])[];
  /** It changes what it sent behind its own back: what it complains of may be its own doing. */
  readonly isLiar?: boolean;
  /** What is wrong with what the peer saw; nothing when all is as it must be. */
  readonly verdict: (reports: readonly PeerReport[]) => string | undefined;
}

/** As `createPort` takes them; without a handler where `onMessage` is there and undefined. */
export type ServeOptions = Omit<CreatePortOptions, 'onMessage'> & {
  readonly onMessage?: CreatePortOptions['onMessage'] | undefined;
};

/** How many connections of one batch are open at once. */
const BATCH = 32;

/** Name of the port under attack. */
export const VICTIM = 'victim';

/** The carriers that a server with the addon has, and the one without it. */
export const GROUNDS: readonly Ground[] = [
  { name: 'shared memory', server: 'shm', shm: 1 },
  { name: 'the stream of a server with the addon', server: 'shm', shm: 0 },
  { name: 'the stream of a server without it', server: 'socket', shm: 0 },
];

/** A server in this process, a hostile peer in another, and what must be as before at the end. */
export class HostileWorld {
  #runtime: TemporaryRuntime | undefined;
  #base: ResourceCounts | undefined;
  #descriptors = 0;
  #peer: HostilePeer | undefined;
  #server: ConnectionPort | undefined;
  #warnings: Error[] = [];
  /** Floods are told to whoever runs the server, by warnings of their own kind. */
  readonly #warn = (warning: Error): void => {
    if (warning.name !== 'PortcallFloodWarning') this.#warnings.push(warning);
  };

  get peer(): HostilePeer {
    this.#peer ??= new HostilePeer();
    return this.#peer;
  }

  get server(): ConnectionPort {
    if (this.#server === undefined) throw new Error('There is no server in this test');
    return this.#server;
  }

  get directory(): string {
    if (this.#runtime === undefined) throw new Error('No test is running');
    return this.#runtime.directory;
  }

  /** Path of the socket of a port of one segment. */
  path(name = VICTIM): string {
    return `${this.directory}/${name}`;
  }

  open(): void {
    process.on('warning', this.#warn);
    this.#warnings = [];
    this.#peer = new HostilePeer();
    this.#base = countResources();
    this.#descriptors = countDescriptors();
    this.#runtime = createTemporaryRuntime();
  }

  /** Starts the server: it echoes requests, and decides as the connect info says. */
  async serve(options: ServeOptions = {}): Promise<ConnectionPort> {
    const { onMessage = echo, ...rest } = options;
    const hasHandler = !('onMessage' in options) || options.onMessage !== undefined;
    this.#server = await createPort(VICTIM, {
      directory: this.directory,
      onConnect: decideAsAsked,
      ...rest,
      attributes: { maxPendingConnects: 2 * BATCH, ...rest.attributes },
      ...(hasHandler ? { onMessage } : {}),
    });
    return this.#server;
  }

  /** Whether the server still serves a client that does nothing wrong. */
  async expectHealthy(): Promise<void> {
    const client = await connectPort(VICTIM, { directory: this.directory });
    const data = new Uint8Array(100).fill(7);
    const reply = await client.request(data, { timeoutMs: 3000 });
    if (!sameBytes(reply, data)) throw new Error('The healthy client got another reply');
    await within('the healthy client to close', client.close());
  }

  /** Waits until the server holds nothing of any connection. */
  async expectNoConnections(): Promise<void> {
    const isEmpty = (): boolean => this.server.connections.size === 0;
    await waitUntil(`no connections, of ${this.server.connections.size}`, isEmpty);
  }

  /**
   * Runs cases in batches. A server with no place left says so; then a case would not be what its
   * name says: the batches are small.
   *
   * @returns what is wrong, of each case that is
   */
  async attack(cases: readonly HostileCase[]): Promise<string[]> {
    const faults: string[] = [];
    for (let start = 0; start < cases.length; start += BATCH) {
      const batch = cases.slice(start, start + BATCH);
      const reports = await this.peer.run(linesOf(batch));
      for (const [index, one] of batch.entries()) {
        const own = reports.filter(({ slot }) => slot === index);
        const fault = (one.isLiar ? undefined : violationOf(own)) ?? one.verdict(own);
        if (fault !== undefined) faults.push(`${one.name}: ${fault}`);
      }
      if (this.#server !== undefined) await this.expectNoConnections();
    }
    return faults;
  }

  async close(): Promise<void> {
    await this.#server?.close({ drainMs: 0 });
    this.#server = undefined;
    const base = this.#base ?? countResources();
    await expectResources(base);
    const now = (): number => countDescriptors();
    const areClosed = (): boolean => now() <= this.#descriptors;
    await waitUntil(`descriptors of any kind, before ${this.#descriptors}`, areClosed);
    await this.#peer?.close();
    this.#peer = undefined;
    this.#runtime?.discard();
    process.off('warning', this.#warn);
    if (this.#warnings.length > 0)
      throw new Error('There were warnings', { cause: this.#warnings });
  }
}

/** A world for each test of the suite that calls this. */
export function useHostileWorld(): HostileWorld {
  const world = new HostileWorld();
  beforeEach(() => world.open());
  afterEach(() => world.close());
  return world;
}

/** Decides at once or never, as the first bytes of the connect info say. */
export function decideAsAsked(request: ConnectionRequest): void {
  const wish = Buffer.from(request.info).toString('latin1');
  if (wish.startsWith('reject')) request.reject();
  else if (!wish.startsWith('defer')) request.accept();
}

/** The last report of an operation. */
export function lastOf(reports: readonly PeerReport[], operation: string): PeerReport | undefined {
  return reports.findLast((report) => report.operation === operation);
}

async function echo(message: PortMessage): Promise<void> {
  if (message.isRequest) await message.reply(message.data);
}

/** Every descriptor of this process, pipes and directories too. */
function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function linesOf(batch: readonly HostileCase[]): string[] {
  const phases = Math.max(...batch.map((one) => one.phases.length));
  const lines: string[] = [];
  for (let phase = 0; phase < phases; phase++) {
    for (const [slot, one] of batch.entries()) {
      for (const line of one.phases[phase] ?? []) lines.push(`${slot} ${line}`);
    }
  }
  return [...lines, ...batch.map((_, slot) => `${slot} close`)];
}

function violationOf(reports: readonly PeerReport[]): string | undefined {
  const found = reports.find(({ violation }) => violation !== undefined)?.violation;
  return found === undefined ? undefined : `this side did wrong: ${found}`;
}
