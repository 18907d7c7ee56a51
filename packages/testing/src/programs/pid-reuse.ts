/* The first process of a pid namespace: it can choose the numbers of the next ones. */
import { writeFileSync } from 'node:fs';

import { connectPort, createPort, type CommunicationPort, type PeerIdentity } from '@portcall/port';

import { runCommands } from '../program-commands.js';
import { spawnProgram, type Program } from '../spawn-program.js';
import { waitUntil, within } from '../wait-until.js';
import type { PortNodeCommands } from './port-node.js';

/** What a server saw of two processes with one number. */
export interface PidReuseReport {
  readonly first: PeerIdentity | undefined;
  readonly second: PeerIdentity | undefined;
  /** How the first connection ended, and when: before the second process had the number. */
  readonly firstClosed: string;
  /** Connections of the port when the second client was in. */
  readonly connections: number;
}

/** A number that nothing in a fresh namespace comes near. */
const PID = 7000;

/** Threads of a starting program may take the number: then the next try has it. */
const TRIES = 50;

/** Starts the program with the wanted process id. */
async function spawnAs(pid: number, env: Record<string, string> = {}): Promise<Node> {
  for (let tries = 0; tries < TRIES; tries++) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const program = await spawnProgram<PortNodeCommands>('port-node', { env });
    if (program.pid === pid) return program;
    program.kill();
    await program.exited;
  }
  throw new Error(`No process with id ${pid} in ${TRIES} tries`);
}

type Node = Program<PortNodeCommands>;

const commands = {
  /** Two clients, one after the other, with the same process id. */
  async clients({ directory }: { directory: string }): Promise<PidReuseReport> {
    const accepted: CommunicationPort[] = [];
    await using server = await createPort('reuse', {
      directory,
      onMessage: (message) => void message.reply(message.data),
      onConnected: (port) => void accepted.push(port),
    });
    const one = await spawnAs(PID);
    await one.call('connect', { name: 'reuse', directory });
    const [first] = accepted;
    one.kill();
    await one.exited;
    const closed = await within('the end', first?.closed ?? Promise.reject(new Error('nobody')));
    await using two = await spawnAs(PID);
    await two.call('connect', { name: 'reuse', directory });
    await two.call('request', { data: new Uint8Array(8) });
    await waitUntil('the second client', () => accepted.length === 2);
    const second = accepted[1]?.peer;
    const { size: connections } = server.connections;
    await two.call('closeClient');
    return { first: first?.peer, second, firstClosed: closed.reason, connections };
  },

  /**
   * A server without kernel locks dies, and its number goes to a process that has nothing to do
   * with it.
   */
  async lock({ directory }: { directory: string }): Promise<number> {
    const env = { PORTCALL_NATIVE: 'off' };
    const owner = await spawnAs(PID, env);
    await owner.call('createPort', { name: 'locked', directory, behaviour: { kind: 'echo' } });
    owner.kill();
    await owner.exited;
    await using stranger = await spawnAs(PID, env);
    await using server = await createPort('locked', {
      directory,
      transport: 'socket',
      onMessage: (message) => void message.reply(message.data),
    });
    await using client = await connectPort(server.name, { directory, transport: 'socket' });
    await client.request(new Uint8Array(8));
    return stranger.pid;
  },
};

/** The commands of this program. */
export type PidReuseCommands = typeof commands;

runCommands(commands);
