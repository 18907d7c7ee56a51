/* A process that owns names, gives them away, and connects to them, as its test says. */
import { setImmediate as nextTurn } from 'node:timers/promises';

import {
  connectPort,
  createPort,
  isPortError,
  type ConnectionPort,
  type ConnectPortOptions,
  type CreatePortOptions,
  type PeerIdentity,
} from '@portcall/port';

import { countResources } from '../leak-check.js';
import { runCommands } from '../program-commands.js';
import { DEADLINE_MS, within } from '../wait-until.js';

/** Options that can cross a process boundary. */
export interface NameServerOptions extends Pick<
  CreatePortOptions,
  'acl' | 'directory' | 'handover' | 'attributes'
> {
  readonly name: string;
  readonly transport?: 'auto' | 'shm' | 'socket';
}

/** As {@link NameServerOptions}, of a client. */
export interface NameClientOptions extends Pick<
  ConnectPortOptions,
  'directory' | 'attributes' | 'requireServer'
> {
  readonly name: string;
  readonly transport?: 'auto' | 'shm' | 'socket';
}

/** What a client that connects again and again has seen. */
export interface ConnectTally {
  readonly connects: number;
  /** Process ids that answered, in the order of their first answer. */
  readonly servers: readonly string[];
  readonly failures: readonly string[];
}

const servers = new Set<ConnectionPort>();
const loop = { isOn: false };
let looping: Promise<ConnectTally> | undefined;

async function openPort(options: NameServerOptions): Promise<ConnectionPort> {
  const { name, ...rest } = options;
  const server = await createPort(name, {
    ...rest,
    onMessage: (message) => void message.reply(new TextEncoder().encode(String(process.pid))),
  });
  servers.add(server);
  return server;
}

/** Connects, asks who is there, and leaves. */
async function ask(options: NameClientOptions): Promise<{ pid: string; peer?: PeerIdentity }> {
  const { name, ...rest } = options;
  const client = await connectPort(name, rest);
  try {
    const pid = new TextDecoder().decode(await client.request(new Uint8Array(1)));
    return client.peer === undefined ? { pid } : { pid, peer: client.peer };
  } finally {
    client.abort();
  }
}

async function keepConnecting(options: NameClientOptions): Promise<ConnectTally> {
  const { name, ...rest } = options;
  const answered = new Set<string>();
  const failures: string[] = [];
  let connects = 0;
  while (loop.isOn) {
    try {
      const client = await connectPort(name, rest);
      connects++;
      // A server on its way out may answer no more; that it was reached is what counts.
      const who = client.request(new Uint8Array(1), { timeoutMs: DEADLINE_MS });
      await who.then(
        (data) => answered.add(new TextDecoder().decode(data)),
        () => undefined,
      );
      client.abort();
    } catch (error) {
      const code = isPortError(error) ? error.code : 'no PortError';
      failures.push(`${code}: ${String(error)}`);
    }
    await nextTurn();
  }
  return { connects, servers: [...answered], failures };
}

const commands = {
  counts: () => countResources(),
  umask: (mask: number) => process.umask(mask),
  /** Gives up root's privileges, as a daemon does after it has begun to listen. */
  becomeUser(argument: { uid: number; gid: number }) {
    process.setgroups?.([]);
    process.setgid?.(argument.gid);
    process.setuid?.(argument.uid);
  },
  async createPort(options: NameServerOptions) {
    const server = await openPort(options);
    return { name: server.name, transportName: server.transportName };
  },
  /** Creates a port, and waits until it has given its name to somebody else and is closed. */
  async createAndHandOver(options: NameServerOptions) {
    const server = await openPort({ ...options, handover: true });
    await server.handedOver;
    await server.close({ drainMs: 0 });
    servers.delete(server);
  },
  async handedOver() {
    const [server] = servers;
    await within('the handover', server?.handedOver ?? Promise.resolve());
  },
  async closePorts() {
    for (const server of servers) await server.close({ drainMs: 0 });
    servers.clear();
  },
  ask,
  startConnecting(options: NameClientOptions) {
    loop.isOn = true;
    looping = keepConnecting(options);
  },
  async stopConnecting() {
    loop.isOn = false;
    if (looping === undefined) throw new Error('This program does not connect');
    return looping;
  },
};

/** The commands of this program. */
export type NameNodeCommands = typeof commands;

runCommands(commands);
