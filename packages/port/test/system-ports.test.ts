/* `system:` ports: root's directory, a socket as open as the list, and clients of other users. */
import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPort, type Acl, type ConnectionPort } from '@portcall/port';
import {
  createTemporaryRuntime,
  rejectionOf,
  spawnProgram,
  transportsUnderTest,
  type NameNodeCommands,
  type Program,
  type ProgramError,
  type SpawnOptions,
  type TemporaryRuntime,
} from '@portcall/testing';

const shmReason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;
const reason = process.geteuid?.() === 0 ? shmReason : 'needs root, whose ports these are';

const ONE = { uid: 64_001, gid: 64_001 };
const OTHER = { uid: 64_002, gid: 64_002 };
const NAME = 'system:n';

let runtime: TemporaryRuntime;
let directory: string;
let programs: Program<NameNodeCommands>[] = [];
let server: ConnectionPort | undefined;

beforeEach(() => {
  runtime = createTemporaryRuntime();
  chmodSync(runtime.directory, 0o755);
  directory = join(runtime.directory, 'system');
});

afterEach(async () => {
  await server?.close({ drainMs: 0 });
  for (const program of programs.splice(0)) await program.close();
  runtime.discard();
});

async function spawnNode(options: SpawnOptions): Promise<Program<NameNodeCommands>> {
  const program = await spawnProgram<NameNodeCommands>('name-node', options);
  programs.push(program);
  return program;
}

async function serve(acl?: Acl): Promise<void> {
  server = await createPort(NAME, {
    directory,
    ...(acl === undefined ? {} : { acl }),
    onMessage: (message) => void message.reply(message.data),
  });
}

/** `'in'`, or the code by which a user is kept out. */
async function outcomeOf(user: SpawnOptions): Promise<string> {
  const client = await spawnNode(user);
  const asking = client.call('ask', { name: NAME, directory });
  return asking.then(
    ({ peer }) => (peer?.uid === 0 ? 'in' : `in, but of ${peer?.uid}`),
    (error: unknown) => (error as ProgramError).code ?? String(error),
  );
}

describe.skipIf(reason !== undefined)(`system: ports ${reason ?? ''}`, () => {
  it('are for root alone by default, by mode', async () => {
    await serve();
    expect(lstatSync(join(directory, 'n')).mode & 0o777).toBe(0o600);
    expect(await outcomeOf(ONE)).toBe('ACCESS_DENIED');
    expect(await outcomeOf({})).toBe('in');
  });

  it('let in the users of the list, and no others', async () => {
    await serve([{ action: 'allow', uid: ONE.uid }]);
    expect(lstatSync(join(directory, 'n')).mode & 0o777).toBe(0o666);
    expect(await outcomeOf(ONE)).toBe('in');
    expect(await outcomeOf(OTHER)).toBe('ACCESS_DENIED');
  });

  it('let in one group, by mode and list', async () => {
    await serve([{ action: 'allow', gid: ONE.gid }]);
    const stats = lstatSync(join(directory, 'n'));
    expect([stats.mode & 0o777, stats.gid]).toEqual([0o660, ONE.gid]);
    expect(await outcomeOf(ONE)).toBe('in');
    expect(await outcomeOf(OTHER)).toBe('ACCESS_DENIED');
    expect(await outcomeOf({ uid: OTHER.uid, gid: ONE.gid })).toBe('in');
  });

  it('are found by PORTCALL_SYSTEM_DIR', async () => {
    await serve([{ action: 'allow' }]);
    const client = await spawnNode({ ...ONE, env: { PORTCALL_SYSTEM_DIR: directory } });
    expect((await client.call('ask', { name: NAME })).peer?.uid).toBe(0);
  });

  it('cannot be created by other users, nor in a directory of theirs', async () => {
    mkdirSync(directory, { mode: 0o755 });
    const user = await spawnNode(ONE);
    const creating = user.call('createPort', { name: NAME, directory });
    expect(((await rejectionOf('it', creating)) as ProgramError).code).toBe('ACCESS_DENIED');
    chownSync(directory, ONE.uid, ONE.gid);
    const again = user.call('createPort', { name: NAME, directory });
    const error = (await rejectionOf('it', again)) as ProgramError;
    expect(error.code).toBe('ACCESS_DENIED');
    expect(error.message).toContain(`user ${ONE.uid} owns`);
  });

  it('in a directory of another user, even of their own, are not believed by clients', async () => {
    await serve([{ action: 'allow' }]);
    chownSync(directory, ONE.uid, ONE.gid);
    expect(await outcomeOf(ONE)).toBe('SERVER_IDENTITY_MISMATCH');
    chownSync(directory, 0, 0);
    chmodSync(directory, 0o1777);
    expect(await outcomeOf(ONE)).toBe('ACCESS_DENIED');
  });
});
