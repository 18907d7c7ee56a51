/*
 * Somebody was there first. Threats: a squatter at the path of a socket or its lock that would be
 * overwritten, removed, followed elsewhere, or taken for the server; a server of the same name in a
 * namespace that no file protects; a socket that somebody else listens on than answers.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadNative } from '@portcall/native';
import { connectPort, createPort } from '@portcall/port';
import { PLAIN_FRAME, encodeFrame } from '@portcall/transport';
import { FRAME_TYPE } from '@portcall/wire';
import {
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  rejectionOf,
  spawnProgram,
  transportsUnderTest,
  type NameNodeCommands,
  type Program,
  type ProgramError,
  type ResourceCounts,
  type SpawnOptions,
  type TemporaryRuntime,
} from '@portcall/testing';

const kinds = transportsUnderTest().filter(({ hasFiles, skipReason }) => {
  return hasFiles && skipReason === undefined;
});
const shmReason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;
const usersReason = process.geteuid?.() === 0 ? shmReason : 'needs root to be other users';

const OWNER = { uid: 64_001, gid: 64_001 };
const STRANGER = { uid: 64_002, gid: 64_002 };

let runtime: TemporaryRuntime;
let base: ResourceCounts;
let programs: Program<NameNodeCommands>[] = [];

beforeEach(() => {
  base = countResources();
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  for (const program of programs.splice(0)) await program.close();
  runtime.discard();
  await expectResources(base);
});

async function spawnNode(options: SpawnOptions = {}): Promise<Program<NameNodeCommands>> {
  const program = await spawnProgram<NameNodeCommands>('name-node', options);
  programs.push(program);
  return program;
}

const at = (leaf: string): string => join(runtime.directory, leaf);

/** What somebody put at a path, and how the refusal names it. */
const SQUATTERS: readonly (readonly [string, (path: string) => void, string])[] = [
  ['a regular file', (path) => writeFileSync(path, 'precious'), 'is a regular file'],
  ['a directory', (path) => mkdirSync(path), 'is a directory'],
  ['a link to a file', (path) => symlinkSync(at('victim'), path), 'is a symbolic link'],
  ['a dangling link', (path) => symlinkSync(at('nowhere'), path), 'is a symbolic link'],
  ['a pipe', (path) => void execFileSync('mkfifo', [path]), 'is a pipe'],
];

describe.each(kinds)('squatters, over $name', (kind) => {
  const meeting = () => ({ directory: runtime.directory, transport: kind.create() });

  it.each(SQUATTERS)('%s at the socket: refused, named, and left', async (_, plant, text) => {
    writeFileSync(at('victim'), 'precious');
    plant(at('n'));
    const before = lstatSync(at('n'));
    for (const handover of [false, true]) {
      const creating = createPort('n', { ...meeting(), handover });
      const error = await expectCode(creating, 'PORT_NAME_IN_USE');
      expect(error.message).toContain(`${at('n')} ${text}`);
      expect(error.executed).toBe('no');
    }
    await expectCode(connectPort('n', meeting()), 'PORT_NOT_FOUND');
    expect(lstatSync(at('n'))).toMatchObject({ ino: before.ino, mode: before.mode });
    expect(readFileSync(at('victim'), 'utf8')).toBe('precious');
    expect(readdirSync(runtime.directory).toSorted()).toEqual(['n', 'victim']);
  });

  it.each(SQUATTERS.slice(1))(
    '%s at the lock: refused, named, and left',
    async (_, plant, text) => {
      writeFileSync(at('victim'), 'precious');
      plant(at('#n.lock'));
      const before = lstatSync(at('#n.lock')).ino;
      const error = await expectCode(createPort('n', meeting()), 'PORT_NAME_IN_USE');
      expect(error.message).toContain(`${at('#n.lock')} ${text}`);
      expect(lstatSync(at('#n.lock')).ino).toBe(before);
      expect(readFileSync(at('victim'), 'utf8')).toBe('precious');
      expect(readdirSync(runtime.directory).toSorted()).toEqual(['#n.lock', 'victim']);
    },
  );

  it('another name of a file at the lock: the file is not written to', async () => {
    writeFileSync(at('victim'), 'precious');
    linkSync(at('victim'), at('#n.lock'));
    const error = await expectCode(createPort('n', meeting()), 'PORT_NAME_IN_USE');
    expect(error.message).toContain('hard link');
    expect(readFileSync(at('victim'), 'utf8')).toBe('precious');
  });

  it('another name of a live socket, and a link to one, are not taken over', async () => {
    await using other = await createPort('other', meeting());
    linkSync(at('other'), at('hard'));
    symlinkSync(at('other'), at('soft'));
    for (const name of ['hard', 'soft']) {
      const error = await expectCode(createPort(name, meeting()), 'PORT_NAME_IN_USE');
      expect(error.message).toContain(`${at(name)} is a`);
    }
    rmSync(at('hard'));
    const client = await connectPort('other', meeting());
    client.abort();
    await other.close({ drainMs: 0 });
    expect(readdirSync(runtime.directory)).toEqual(['soft']);
  });

  it('what takes the place of our files while we have them stays when we go', async () => {
    const server = await createPort('n', meeting());
    writeFileSync(at('other'), 'precious');
    renameSync(at('other'), at('n'));
    await server.close({ drainMs: 0 });
    expect(readFileSync(at('n'), 'utf8')).toBe('precious');
  });
});

describe('twins', () => {
  it.skipIf(shmReason !== undefined)(
    `abstract: and session: ports of one name are two ports ${shmReason ?? ''}`,
    async () => {
      const { directory } = runtime;
      const name = `twin-${process.pid}`;
      const accepted: string[] = [];
      const open = (full: string): ReturnType<typeof createPort> =>
        createPort(full, { directory, onConnected: () => void accepted.push(full) });
      await using plain = await open(name);
      await using hidden = await open(`abstract:${name}`);
      await using inner = await open(`inproc:${name}`);
      expect(runtime.list().length).toBe(2); // The abstract one has no file.
      for (const full of [name, `abstract:${name}`, `inproc:${name}`]) {
        const client = await connectPort(full, { directory });
        expect(accepted.splice(0)).toEqual([full]);
        client.abort();
        await expectCode(createPort(full, { directory }), 'PORT_NAME_IN_USE');
      }
      await Promise.all([plain, hidden, inner].map((port) => port.close({ drainMs: 0 })));
      await expectCode(connectPort(`abstract:${name}`), 'PORT_NOT_FOUND');
    },
  );

  it('of an unnamed port have other names, and only who knows it gets in', async () => {
    const { directory } = runtime;
    await using one = await createPort('unnamed:', { directory });
    await using two = await createPort('unnamed:', { directory });
    expect(one.name).toMatch(/^unnamed:[0-9a-f]{32}$/);
    expect(two.name).not.toBe(one.name);
    const client = await connectPort(one.name, { directory });
    expect([one.connections.size, two.connections.size]).toEqual([1, 0]);
    client.abort();
    await expectCode(connectPort(`unnamed:${'0'.repeat(32)}`, { directory }), 'PORT_NOT_FOUND');
  });

  it('without the addon there are no abstract ports', async () => {
    const child = await spawnNode({ env: { PORTCALL_NATIVE: 'off' } });
    for (const command of ['createPort', 'ask'] as const) {
      const attempt = child.call(command, { name: 'abstract:n' });
      const error = (await rejectionOf(command, attempt)) as ProgramError;
      expect([error.code, error.executed]).toEqual(['ACCESS_DENIED', 'no']);
      expect(error.message).toContain('PORTCALL_NATIVE');
    }
  });
});

/**
 * A process of STRANGER that inherits a listening socket, and accepts whoever connects. By the
 * addon's calls: Node would call `listen` once more, and with that be the one who listens.
 */
async function startHeir(listeningFd: number): Promise<ChildProcess> {
  const accept = encodeFrame({
    ...PLAIN_FRAME,
    type: FRAME_TYPE.ACCEPT,
    payload: new Uint8Array(0),
  });
  const program = `
    import { loadNative } from '@portcall/native';
    const { binding } = loadNative();
    const answer = Buffer.from('${Buffer.from(accept).toString('hex')}', 'hex');
    const accepted = new Set();
    setInterval(() => {
      const fd = binding.accept(3);
      if (fd >= 0) accepted.add(fd);
      for (const client of accepted) {
        if (binding.receive(client, new Uint8Array(4096), new Int32Array(3)) <= 0) continue;
        binding.send(client, answer, 0, answer.length, -1);
        accepted.delete(client);
      }
    }, 2);
    console.log('ready');
  `;
  const heir = spawn(process.execPath, ['--input-type=module', '-e', program], {
    ...STRANGER,
    stdio: ['ignore', 'pipe', 'inherit', listeningFd],
  });
  await new Promise((resolve) => heir.stdout?.once('data', resolve));
  return heir;
}

describe.skipIf(usersReason !== undefined)(`other users ${usersReason ?? ''}`, () => {
  it('cannot pass for this user by an abstract socket of the same name', async () => {
    const name = `abstract:impostor-${process.pid}`;
    const impostor = await spawnNode(STRANGER);
    await impostor.call('createPort', { name, acl: [{ action: 'allow' }] });
    const client = await spawnNode(OWNER);
    const error = (await rejectionOf('ask', client.call('ask', { name }))) as ProgramError;
    expect([error.code, error.executed]).toEqual(['SERVER_IDENTITY_MISMATCH', 'no']);
    expect(error.message).toContain(`user ${STRANGER.uid} listens`);
    // Who wants exactly that user gets it.
    const { peer } = await client.call('ask', { name, requireServer: { uid: STRANGER.uid } });
    expect(peer).toMatchObject(STRANGER);
  });

  it('do not get into an abstract port, not even as root, unless a list says so', async () => {
    const name = `abstract:mine-${process.pid}`;
    const server = await spawnNode(OWNER);
    await server.call('createPort', { name });
    const friend = await spawnNode(OWNER);
    await friend.call('ask', { name });
    const requireServer = { uid: OWNER.uid };
    await expectCode(connectPort(name, { requireServer }), 'ACCESS_DENIED');
    const stranger = await spawnNode(STRANGER);
    const error = await rejectionOf('ask', stranger.call('ask', { name, requireServer }));
    expect((error as ProgramError).code).toBe('ACCESS_DENIED');
  });

  it('cannot put a socket where clients look: the directory gives them away', async () => {
    chmodSync(runtime.directory, 0o1777);
    const directory = at('planted');
    const impostor = await spawnNode(STRANGER);
    await impostor.call('createPort', { name: 'n', directory, acl: [{ action: 'allow' }] });
    chmodSync(directory, 0o711);
    chmodSync(join(directory, 'n'), 0o666);
    const client = await spawnNode(OWNER);
    const error = await rejectionOf('ask', client.call('ask', { name: 'n', directory }));
    expect((error as ProgramError).code).toBe('SERVER_IDENTITY_MISMATCH');
  });

  it('who own a socket in our directory are refused, and their socket is left', async () => {
    const server = await spawnNode();
    await server.call('createPort', { name: 'n', directory: runtime.directory });
    server.kill();
    await server.exited;
    chownSync(at('n'), STRANGER.uid, STRANGER.gid);
    const { directory } = runtime;
    const error = await expectCode(createPort('n', { directory }), 'PORT_NAME_IN_USE');
    expect(error.message).toContain(`user ${STRANGER.uid} owns ${at('n')}`);
    expect(lstatSync(at('n')).uid).toBe(STRANGER.uid);
  });

  it('who answer on a socket that this user listens on are seen for what they are', async () => {
    const { directory } = runtime;
    const native = loadNative().binding!;
    const listening = native.listen(at('n'), 0o600, 8);
    const heir = await startHeir(listening);
    try {
      const asRoot = await expectCode(connectPort('n', { directory }), 'SERVER_IDENTITY_MISMATCH');
      expect(asRoot.message).toContain(`user ${STRANGER.uid} answered (process ${heir.pid})`);
      const wrong = connectPort('n', { directory, requireServer: { uid: OWNER.uid } });
      await expectCode(wrong, 'SERVER_IDENTITY_MISMATCH');
      // Who wants just that user gets as far as its answer, which says nothing.
      const right = connectPort('n', { directory, requireServer: { uid: STRANGER.uid } });
      await expectCode(right, 'PROTOCOL_ERROR');
    } finally {
      heir.kill();
      await new Promise((done) => heir.once('close', done));
      native.close(listening);
    }
  });

  it('that a server becomes after it began to listen is who it then is', async () => {
    const { directory } = runtime;
    const server = await spawnNode();
    await server.call('createPort', { name: 'n', directory, acl: [{ action: 'allow' }] });
    await server.call('becomeUser', OWNER);
    const asRoot = await expectCode(connectPort('n', { directory }), 'SERVER_IDENTITY_MISMATCH');
    expect(asRoot.message).toContain(`user ${OWNER.uid} answered`);
    const wrong = connectPort('n', { directory, requireServer: { uid: STRANGER.uid } });
    await expectCode(wrong, 'SERVER_IDENTITY_MISMATCH');
    const client = await connectPort('n', { directory, requireServer: { uid: OWNER.uid } });
    expect(client.peer?.pid).toBe(server.pid);
    client.abort();
    await server.call('closePorts'); // It may not remove its files any more, and ends all the same.
    await using next = await createPort('n', { directory });
    expect(next.name).toBe('n');
  });
});
