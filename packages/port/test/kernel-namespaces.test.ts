/*
 * Threat: what the kernel says of a process means something in a namespace only. A server must not
 * take "nobody" for somebody, nor a reused process id for the process that had it.
 */
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  createTemporaryRuntime,
  expectCode,
  kernelCan,
  rejectionOf,
  spawnProgram,
  transportsUnderTest,
  within,
  type KernelFeature,
  type PidReuseCommands,
  type PortNodeCommands,
  type Program,
  type ProgramError,
  type SpawnOptions,
  type TemporaryRuntime,
} from '@portcall/testing';
import { connectPort, createPort } from '@portcall/port';

const shmReason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;
const rootReason = process.getuid?.() === 0 ? undefined : 'needs root';

/** Why a namespace cannot be had, and the command that makes it. */
function needs(feature: KernelFeature): {
  readonly reason: string;
  readonly options: SpawnOptions;
} {
  const { wrapper, reason } = kernelCan(feature);
  const why = shmReason ?? rootReason ?? reason ?? '';
  return { reason: why, options: wrapper === undefined ? {} : { wrapper } };
}

/** A user that no namespace here maps. */
const STRANGER = { uid: 54_321, gid: 54_321 };

let runtime: TemporaryRuntime;
const programs: Program<PortNodeCommands>[] = [];

beforeEach(() => {
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.kill();
    await program.exited;
  }
  runtime.discard();
});

async function spawnNode(options: SpawnOptions = {}): Promise<Program<PortNodeCommands>> {
  const program = await spawnProgram<PortNodeCommands>('port-node', options);
  programs.push(program);
  return program;
}

const user = needs('user namespaces');

describe.skipIf(user.reason !== '')(`a server in a user namespace ${user.reason}`, () => {
  /** A server that knows root only; mode and directory let everybody pass. */
  async function serve(acl: readonly object[]): Promise<string> {
    chmodSync(runtime.directory, 0o1777);
    const directory = `${runtime.directory}/owner`;
    const server = await spawnNode(user.options);
    await server.call('createPort', {
      name: 'p',
      directory,
      behaviour: { kind: 'echo' },
      acl: acl as never,
    });
    chmodSync(directory, 0o711);
    chmodSync(`${directory}/p`, 0o666);
    return directory;
  }

  it('does not take a user it does not map for "nobody": no rule lets it in', async () => {
    const everyUser = [65_534, 54_321].map((uid) => ({ action: 'allow', uid }));
    const directory = await serve([...everyUser, { action: 'allow', gid: 65_534 }]);
    const stranger = await spawnNode(STRANGER);
    const options = { name: 'p', directory, requireServer: { uid: 0 } };
    const failed = (await rejectionOf('it', stranger.call('connect', options))) as ProgramError;
    expect(failed.code).toBe('ACCESS_DENIED');
  });

  it('knows the users that it maps', async () => {
    const directory = await serve([{ action: 'allow', uid: 0 }]);
    const client = await connectPort('p', { directory });
    expect((await client.request(new Uint8Array(3))).length).toBe(3);
    await client.close();
  });
});

const pid = needs('pid namespaces');

describe.skipIf(pid.reason !== '')(`pid namespaces ${pid.reason}`, () => {
  it('keep a client out where a rule asks for the same one, and let ours in', async () => {
    const { directory } = runtime;
    await using server = await createPort('p', {
      directory,
      acl: [{ action: 'allow', uid: 0, sameNamespaces: ['pid', 'user'] }],
      onMessage: (message) => void message.reply(message.data),
    });
    const [inside, outside] = [await spawnNode(pid.options), await spawnNode()];
    const options = { name: server.name, directory };
    const blind = inside.call('connect', options);
    // It cannot see who listens out here, and says so unless it does not care.
    const unseen = (await rejectionOf('it', blind)) as ProgramError;
    expect(unseen.code).toBe('SERVER_IDENTITY_MISMATCH');
    const failed = inside.call('connect', { ...options, requireServer: { uid: 'any' } });
    expect(((await rejectionOf('it', failed)) as ProgramError).code).toBe('ACCESS_DENIED');
    await outside.call('connect', { name: server.name, directory });
    await outside.call('closeClient');
  });

  it('hide the client from a server inside: unknown, so the default list denies it', async () => {
    const { directory } = runtime;
    const server = await spawnNode(pid.options);
    await server.call('createPort', { name: 'p', directory, behaviour: { kind: 'echo' } });
    await expectCode(connectPort('p', { directory }), 'ACCESS_DENIED');
  });

  it('show that a reused process id is another process', { timeout: 60_000 }, async () => {
    const first = await spawnProgram<PidReuseCommands>('pid-reuse', pid.options);
    await using program = first;
    const { directory } = runtime;
    const report = await within('the clients', program.call('clients', { directory }), 50_000);
    expect(report.firstClosed).toBe('died');
    expect(report.second?.pid).toBe(report.first?.pid);
    expect(report.second?.startTime).toBeGreaterThan(report.first?.startTime ?? Infinity);
    expect(report.connections).toBe(1);
  });

  it('do not keep a name locked by a reused process id', { timeout: 60_000 }, async () => {
    await using program = await spawnProgram<PidReuseCommands>('pid-reuse', pid.options);
    const { directory } = runtime;
    expect(await within('the lock', program.call('lock', { directory }), 50_000)).toBe(7000);
  });
});

const time = needs('time namespaces');

describe.skipIf(time.reason !== '')(`a client in a time namespace ${time.reason}`, () => {
  it('has its deadlines cross as what remains of them', async () => {
    const remaining: (number | undefined)[] = [];
    const { directory } = runtime;
    await using server = await createPort('p', {
      directory,
      wants: ['deadline'],
      onMessage: (message) => {
        remaining.push(message.attributes.deadline);
        if (message.data.length === 1) void message.reply(message.data);
        else message.defer();
      },
    });
    const client = await spawnNode(time.options);
    await client.call('connect', { name: server.name, directory });
    await client.call('request', { data: new Uint8Array(1), timeoutMs: 4000 });
    const startedAt = performance.now();
    const late = client.call('request', { data: new Uint8Array(2), timeoutMs: 300 });
    expect(((await rejectionOf('it', late)) as ProgramError).code).toBe('TIMEOUT');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
    expect(remaining[0]).toBeGreaterThan(0);
    expect(remaining[0]).toBeLessThanOrEqual(4000);
    expect(remaining[1]).toBeLessThanOrEqual(300);
    await client.call('closeClient');
  });
});
