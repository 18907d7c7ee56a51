/* A process with at most one port and one connection, which does what its test says. */
import { appendFileSync, openSync, writeSync } from 'node:fs';

import {
  connectPort,
  createPort,
  type Acl,
  type CommunicationPort,
  type ConnectPortOptions,
  type ConnectionPort,
  type PeerIdentity,
  type PortAttributes,
  type PortMessage,
  type SecurityQos,
} from '@portcall/port';

import { numberOf, numberedBytes } from '../bytes.js';
import { countResources } from '../leak-check.js';
import { playScript } from '../port/scripted-server.js';
import { ownFacts } from '../process-facts.js';
import { plainError, runCommands, type PlainError } from '../program-commands.js';
import { waitUntil } from '../wait-until.js';

/** What both commands that reach for a port take. */
export interface NodeOptions {
  readonly name: string;
  readonly directory?: string;
  readonly transport?: 'auto' | 'shm' | 'socket';
  readonly attributes?: Partial<PortAttributes>;
  readonly ringBytes?: number;
  /** Of a client: how it lets itself be known. */
  readonly security?: SecurityQos;
  /** Of a client: who the server must be. */
  readonly requireServer?: ConnectPortOptions['requireServer'];
}

/** A file for the numbers of the requests that came, noted before anything is done with them. */
interface Noting {
  readonly log?: string;
}

/** What the server does with requests. */
export type Behaviour =
  /** Replies with the same data. */
  | ({ readonly kind: 'echo' } & Noting)
  /** Keeps every request. */
  | ({ readonly kind: 'hold' } & Noting)
  /** Does what the text of each request says. */
  | ({ readonly kind: 'script' } & Noting)
  /** Keeps every second request and replies to the others. */
  | ({ readonly kind: 'half' } & Noting)
  /**
   * Collects `count` requests, then replies to the first `replies` of them, notes in `log` each
   * reply that was accepted, and kills itself: in the same turn, or one turn later.
   */
  | {
      readonly kind: 'reply-and-die';
      readonly count: number;
      readonly replies: number;
      readonly replyBytes: number;
      readonly log: string;
      readonly when: 'same turn' | 'next turn';
    };

/** What a created or connected port says of itself. */
export interface NodeReport {
  readonly transportName: string;
  readonly fallbackReason: string | undefined;
  readonly peer: PeerIdentity | undefined;
}

/** What became of a request. */
export type NodeOutcome = 'replied' | 'open' | PlainError;

let server: ConnectionPort | undefined;
let client: CommunicationPort | undefined;
let noteFd = -1;
const held: PortMessage[] = [];
const outcomes: NodeOutcome[] = [];

function endpoint(options: NodeOptions): object {
  const { name: _, ...rest } = options;
  return rest;
}

function handle(message: PortMessage, behaviour: Behaviour): void {
  if (!message.isRequest) return;
  if (behaviour.kind === 'script') {
    playScript(message);
    return;
  }
  if (noteFd >= 0) writeSync(noteFd, `${numberOf(message.data)}\n`);
  if (
    behaviour.kind === 'echo' ||
    (behaviour.kind === 'half' && numberOf(message.data) % 2 === 0)
  ) {
    void message.reply(message.data);
    return;
  }
  message.defer();
  void message.signal; // From now on it fires.
  held.push(message);
  if (behaviour.kind === 'reply-and-die' && held.length === behaviour.count) {
    void replyAndDie(behaviour);
  }
}

async function replyAndDie(
  behaviour: Extract<Behaviour, { kind: 'reply-and-die' }>,
): Promise<void> {
  const { log, replies, replyBytes, when } = behaviour;
  for (const message of held.slice(0, replies)) {
    const number = numberOf(message.data);
    const reply = numberedBytes(number, replyBytes);
    if (await message.reply(reply)) appendFileSync(log, `${number}\n`);
  }
  if (when === 'next turn') await new Promise((resolve) => setImmediate(resolve));
  process.kill(process.pid, 'SIGKILL');
}

function report(of: ConnectionPort | CommunicationPort): NodeReport {
  return {
    transportName: of.transportName,
    fallbackReason: 'fallbackReason' in of ? of.fallbackReason : undefined,
    peer: 'peer' in of ? of.peer : undefined,
  };
}

function connected(): CommunicationPort {
  if (client === undefined) throw new Error('This program is not connected');
  return client;
}

const commands = {
  facts: () => ownFacts(),
  counts: () => countResources(),
  async createPort(options: NodeOptions & { behaviour: Behaviour; acl?: Acl }) {
    const { behaviour, acl, ...rest } = options;
    const notes = behaviour.kind === 'reply-and-die' ? undefined : behaviour.log;
    if (notes !== undefined) noteFd = openSync(notes, 'a');
    server = await createPort(options.name, {
      ...endpoint(rest),
      ...(acl === undefined ? {} : { acl }),
      onMessage: (message) => handle(message, behaviour),
    });
    return report(server);
  },
  closePort: () => server?.close({ drainMs: 0 }),
  /** The connections, and the requests that were kept: how many, how many of them were told. */
  state: () => ({
    connections: server?.connections.size ?? 0,
    peers: [...(server?.connections ?? [])].map(({ peer }) => peer),
    held: held.length,
    aborted: held.filter(({ signal }) => signal.aborted).length,
  }),
  forget: () => void held.splice(0),
  async connect(options: NodeOptions) {
    client = await connectPort(options.name, endpoint(options));
    return report(client);
  },
  request: (argument: { data: Uint8Array; timeoutMs?: number }) =>
    connected().request(argument.data, { timeoutMs: argument.timeoutMs }),
  /** Starts requests, and returns when all are sent. */
  startRequests(argument: { count: number; sizeBytes: number }) {
    const port = connected();
    for (let number = 0; number < argument.count; number++) {
      const index = outcomes.push('open') - 1;
      port.request(numberedBytes(number, argument.sizeBytes)).then(
        () => (outcomes[index] = 'replied'),
        (error: unknown) => (outcomes[index] = plainError(error)),
      );
    }
  },
  /** Keeps `callers` requests under way, for ever. */
  startCallers(argument: { callers: number; sizeBytes: number }) {
    const port = connected();
    const callOn = async (number: number): Promise<void> => {
      const data = numberedBytes(number, argument.sizeBytes);
      for (;;) await port.request(data);
    };
    for (let number = 0; number < argument.callers; number++) callOn(number).catch(() => undefined);
  },
  async settled() {
    await waitUntil('all requests to settle', () => !outcomes.includes('open'));
    return outcomes;
  },
  async ended() {
    return connected().closed;
  },
  closeClient: () => connected().close(),
  /** Sends numbered datagrams. Returns when the server has read them. */
  async sendDatagrams(argument: { count: number; sizeBytes: number }) {
    const port = connected();
    for (let number = 0; number < argument.count; number++) {
      await port.send(numberedBytes(number, argument.sizeBytes));
    }
    await port.flush();
  },
  /** Becomes somebody else, in this order: groups, group, user. */
  setIds(ids: { groups?: readonly number[]; gid?: number; uid?: number }) {
    if (ids.groups !== undefined) process.setgroups?.([...ids.groups]);
    if (ids.gid !== undefined) process.setegid?.(ids.gid);
    if (ids.uid !== undefined) process.seteuid?.(ids.uid);
  },
};

/** The commands of this program. */
export type PortNodeCommands = typeof commands;

runCommands(commands);
