import { chmodSync } from 'node:fs';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { connectPort, createPort, type CommunicationPort } from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  ownFacts,
  patternBytes,
  rejectionOf,
  sameBytes,
  spawnProgram,
  transportsUnderTest,
  waitUntil,
  within,
  type NodeOptions,
  type PortNodeCommands,
  type Program,
  type ProgramError,
  type ResourceCounts,
  type SpawnOptions,
  type TemporaryRuntime,
} from '@portcall/testing';

const shm = transportsUnderTest().find(({ name }) => name === 'shm');
const shmReason = shm?.skipReason;
const isRoot = process.geteuid?.() === 0;
const WITHOUT_ADDON = { env: { PORTCALL_NATIVE: 'off' } };

/** Users that exist in no file: none of them is the overflow user 65534. */
const OWNER = { uid: 64_001, gid: 64_001 };
const STRANGER = { uid: 64_002, gid: 64_002 };

let runtime: TemporaryRuntime;
let base: ResourceCounts;
let programs: Program<PortNodeCommands>[] = [];

async function spawnNode(options: SpawnOptions = {}): Promise<Program<PortNodeCommands>> {
  const program = await spawnProgram<PortNodeCommands>('port-node', options);
  programs.push(program);
  return program;
}

beforeEach(() => {
  base = countResources();
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  for (const program of programs) await program.close();
  programs = [];
  runtime.discard();
  await expectResources(base);
});

describe.skipIf(shmReason !== undefined)(`caller identity ${shmReason ?? ''}`, () => {
  it('is what the other process says of itself, at both ends', async () => {
    const accepted: CommunicationPort[] = [];
    await using server = await createPort('who', {
      directory: runtime.directory,
      onConnected: (port) => void accepted.push(port),
    });
    const child = await spawnNode();
    const { peer } = await child.call('connect', { name: 'who', directory: runtime.directory });
    expect(accepted[0]?.peer).toEqual({ ...(await child.call('facts')), source: 'connect' });
    // The client knows the one who answered, not just the one who listens.
    expect(peer).toEqual({ ...ownFacts(), source: 'message' });
    await server.close({ drainMs: 0 });
  });

  it('stays what it was when the process has gone', async () => {
    const accepted: CommunicationPort[] = [];
    await using server = await createPort('who', {
      directory: runtime.directory,
      onConnected: (port) => void accepted.push(port),
    });
    const child = await spawnNode();
    await child.call('connect', { name: 'who', directory: runtime.directory });
    const { pid } = child;
    child.kill();
    expect(await within('the end', accepted[0]!.closed)).toEqual({ reason: 'died' });
    expect(accepted[0]!.peer?.pid).toBe(pid);
    expect(server.connections.size).toBe(0);
  });
});

const usersReason = isRoot ? shmReason : 'needs root to start processes of other users';

describe.skipIf(usersReason !== undefined)(`other users ${usersReason ?? ''}`, () => {
  /** A server of user OWNER in a runtime directory of its own. */
  async function startServer(): Promise<{ directory: string; pid: number }> {
    chmodSync(runtime.directory, 0o1777); // Sticky, as /tmp is: else nobody trusts what is in it.
    const directory = `${runtime.directory}/owner`;
    const server = await spawnNode(OWNER);
    await server.call('createPort', { name: 'p', directory, behaviour: { kind: 'echo' } });
    return { directory, pid: server.pid };
  }

  const wanted = (directory: string): NodeOptions => {
    return { name: 'p', directory, requireServer: { uid: OWNER.uid } };
  };

  it('are kept out by the modes of directory and socket', async () => {
    const { directory } = await startServer();
    const stranger = await spawnNode(STRANGER);
    const connecting = (): Promise<unknown> => stranger.call('connect', { name: 'p', directory });
    const error = (await rejectionOf('connect', connecting())) as ProgramError;
    expect([error.code, error.executed]).toEqual(['SERVER_IDENTITY_MISMATCH', 'no']);
    expect(error.message).toContain(`user ${OWNER.uid} owns ${directory}`);
    // It may well want that user's port: then the kernel keeps it out.
    const wanting = (): Promise<unknown> => stranger.call('connect', wanted(directory));
    for (const open of [() => undefined, () => chmodSync(directory, 0o711)]) {
      open(); // First the directory is in the way, then the socket.
      const refusal = (await rejectionOf('connect', wanting())) as ProgramError;
      expect([refusal.code, refusal.executed]).toEqual(['ACCESS_DENIED', 'no']);
    }
  });

  it('are kept out by the access control list when the modes let them pass', async () => {
    const { directory } = await startServer();
    chmodSync(directory, 0o711);
    chmodSync(`${directory}/p`, 0o666);
    const stranger = await spawnNode(STRANGER);
    const connecting = stranger.call('connect', wanted(directory));
    const error = (await rejectionOf('connect', connecting)) as ProgramError;
    expect([error.code, error.executed]).toEqual(['ACCESS_DENIED', 'no']);
    expect(error.message).toContain('access control list');
  });

  it('are kept out without the addon, by the modes alone', async () => {
    const { directory } = await startServer();
    const stranger = await spawnNode({ ...STRANGER, ...WITHOUT_ADDON });
    const connecting = stranger.call('connect', wanted(directory));
    const error = (await rejectionOf('connect', connecting)) as ProgramError;
    expect([error.code, error.message.includes('EACCES')]).toEqual(['ACCESS_DENIED', true]);
  });

  it('get in when they are the owner, and each end knows the other', async () => {
    const { directory, pid } = await startServer();
    const friend = await spawnNode(OWNER);
    const { peer } = await friend.call('connect', { name: 'p', directory });
    expect(peer).toMatchObject({ pid, ...OWNER });
    expect((await friend.call('request', { data: new Uint8Array(5) })).length).toBe(5);
  });

  it('get in when they are root, whom the server then sees as uid 0', async () => {
    const { directory, pid } = await startServer();
    await expectCode(connectPort('p', { directory }), 'SERVER_IDENTITY_MISMATCH');
    const client = await connectPort('p', { directory, requireServer: { uid: OWNER.uid } });
    expect(client.peer).toMatchObject({ pid, ...OWNER });
    expect((await client.request(new Uint8Array(5))).length).toBe(5);
    const state = await programs[0]!.call('state');
    expect(state.peers).toMatchObject([{ pid: process.pid, uid: 0, gid: 0 }]);
    await client.close();
  });

  it('include root when the list says so', async () => {
    const server = await spawnNode();
    await server.call('createPort', {
      name: 'p',
      directory: runtime.directory,
      behaviour: { kind: 'echo' },
      acl: [{ action: 'deny', uid: 0 }, { action: 'allow' }],
    });
    const failed = connectPort('p', { directory: runtime.directory });
    await expectCode(failed, 'ACCESS_DENIED');
  });
});

/** Client and server with and without the addon, and what carries their connection. */
const MIXES: readonly { server: SpawnOptions; client: SpawnOptions; carrier: string }[] = [
  { server: {}, client: {}, carrier: 'shm' },
  { server: WITHOUT_ADDON, client: {}, carrier: 'socket' },
  { server: {}, client: WITHOUT_ADDON, carrier: 'socket' },
  { server: WITHOUT_ADDON, client: WITHOUT_ADDON, carrier: 'socket' },
];

const nameOf = (options: SpawnOptions): string => (options.env ? 'without addon' : 'with addon');
const mixes = MIXES.map((mix) => [nameOf(mix.server), nameOf(mix.client), mix] as const);

describe.skipIf(shmReason !== undefined)(`mixed processes ${shmReason ?? ''}`, () => {
  it.each(mixes)('server %s, client %s: they talk', async (_s, _c, mix) => {
    const { directory } = runtime;
    const [server, client] = await Promise.all([spawnNode(mix.server), spawnNode(mix.client)]);
    const own = { name: 'mixed', directory, behaviour: { kind: 'echo' } as const };
    const created = await server.call('createPort', own);
    const connected = await client.call('connect', { name: 'mixed', directory });
    expect(connected.transportName).toBe(mix.carrier);
    const hasAddon = mix.server.env === undefined;
    expect(created.transportName).toBe(hasAddon ? 'shm' : 'socket');
    expect(created.fallbackReason).toBe(
      hasAddon ? undefined : 'switched off by PORTCALL_NATIVE=off',
    );
    for (const size of [0, 1, 1000, 40_000, 65_536]) {
      const data = patternBytes(size, size);
      expect(sameBytes(await client.call('request', { data }), data)).toBe(true);
    }
    // Whoever has the addon knows the other, whatever carries the connection.
    const [peer] = (await server.call('state')).peers;
    expect(peer?.pid).toBe(hasAddon ? client.pid : undefined);
    const clientKnows = mix.client.env === undefined;
    expect(connected.peer?.pid).toBe(clientKnows ? server.pid : undefined);
    await client.call('closeClient');
    await server.call('closePort');
    expect(runtime.list()).toEqual([]);
  });

  it.each(mixes)('owner %s, second server %s: the name is in use', async (_s, _c, mix) => {
    const { directory } = runtime;
    const [owner, second] = await Promise.all([spawnNode(mix.server), spawnNode(mix.client)]);
    const own = { name: 'one', directory, behaviour: { kind: 'echo' } as const };
    await owner.call('createPort', own);
    const files = runtime.list();
    for (let round = 0; round < 3; round++) {
      const error = (await rejectionOf('it', second.call('createPort', own))) as ProgramError;
      expect(error.code).toBe('PORT_NAME_IN_USE');
    }
    await second.call('connect', { name: 'one', directory });
    // The owner's files, its lock too, are as they were.
    expect(runtime.list().toSorted()).toEqual(files.toSorted());
    await second.call('closeClient');
    await owner.call('closePort');
    await second.call('createPort', own);
    await second.call('closePort');
    expect(runtime.list()).toEqual([]);
  });

  it.each(mixes)('owner %s killed, next server %s: the name is free', async (_s, _c, mix) => {
    const { directory } = runtime;
    const [owner, next] = await Promise.all([spawnNode(mix.server), spawnNode(mix.client)]);
    const own = { name: 'one', directory, behaviour: { kind: 'echo' } as const };
    await owner.call('createPort', own);
    owner.kill();
    await owner.exited;
    await next.call('createPort', own);
    const client = await connectPort('one', { directory });
    expect((await client.request(new Uint8Array(7))).length).toBe(7);
    await client.close();
    await next.call('closePort');
    expect(runtime.list()).toEqual([]);
  });
});

describe('a process without the addon', () => {
  it('says clearly that there is no shared memory when it is asked for', async () => {
    const child = await spawnNode(WITHOUT_ADDON);
    const options = { name: 'p', directory: runtime.directory, transport: 'shm' as const };
    const attempts = [
      child.call('createPort', { ...options, behaviour: { kind: 'echo' } }),
      child.call('connect', options),
    ];
    for (const attempt of attempts) {
      const error = await rejectionOf('shared memory', attempt);
      expect(String(error)).toContain('Cannot use shared memory: switched off by PORTCALL_NATIVE');
    }
    expect(runtime.list()).toEqual([]);
  });

  it('finds its runtime directory by PORTCALL_RUNTIME_DIR', async () => {
    const env = { PORTCALL_RUNTIME_DIR: runtime.directory };
    const child = await spawnNode({ env });
    await child.call('createPort', { name: 'env', behaviour: { kind: 'echo' } });
    const client = await connectPort('env', { directory: runtime.directory });
    expect((await client.request(new Uint8Array(3))).length).toBe(3);
    await client.close();
  });
});

describe('a pause of the event loop', () => {
  const kinds = transportsUnderTest().filter(({ hasFiles, skipReason }) => {
    return hasFiles && skipReason === undefined;
  });

  it.each(kinds)('over $name: replies that have arrived win over their deadline', async (kind) => {
    const { directory } = runtime;
    const child = await spawnNode();
    const name = 'pause';
    await child.call('createPort', { name, directory, behaviour: { kind: 'echo' } });
    const client = await connectPort(name, { directory, transport: kind.create() });
    await client.request(new Uint8Array(1));
    const replies = Array.from({ length: 8 }, (_, index) =>
      client.request(new Uint8Array(100 + index), { timeoutMs: 60 }),
    );
    const settled = Promise.allSettled(replies);
    await new Promise((resolve) => setImmediate(resolve)); // All are sent.
    const until = performance.now() + 150;
    while (performance.now() < until);
    const lengths = (await settled).map((outcome) => {
      return outcome.status === 'fulfilled' ? outcome.value.length : String(outcome.reason);
    });
    expect(lengths).toEqual(Array.from({ length: 8 }, (_, index) => 100 + index));
    await client.close();
  });

  it.each(kinds)('of the server over $name: waiting clients are served after it', async (kind) => {
    const { directory } = runtime;
    await using server = await createPort('busy', {
      directory,
      transport: kind.create(),
      onMessage: (message) => void message.reply(message.data),
    });
    const child = await spawnNode();
    const connecting = child.call('connect', { name: 'busy', directory });
    const until = performance.now() + 100;
    while (performance.now() < until);
    await connecting;
    await child.call('startRequests', { count: 32, sizeBytes: 1000 });
    expect(new Set(await child.call('settled'))).toEqual(new Set(['replied']));
    await waitUntil('one connection', () => server.connections.size === 1);
    await child.call('closeClient');
  });
});
