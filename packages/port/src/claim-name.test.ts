import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createShmTransport } from '@portcall/shm';
import { createMemoryTransport, createSocketTransport, type Transport } from '@portcall/transport';
import { isPortError, type StatusCode } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { claimName } from './claim-name.js';
import { encodeRejectPayload } from './handshake-payload.js';
import { NameHandover } from './name-handover.js';
import type { OwnedName } from './owned-name.js';
import { parseNewPortName } from './port-name.js';
import { placeOf } from './port-place.js';
import { ServerSwap } from './server-swap.js';
import type { SocketAccess } from './socket-access.js';

const PAYLOAD = Uint8Array.of(7);
const OWNER_ONLY: SocketAccess = { mode: 0o600, gid: undefined };
const isRoot = process.geteuid?.() === 0;
const ROOT_ONLY = 'only root can give files to other users';

const shm = createShmTransport();
const TRANSPORTS: readonly [string, () => Transport][] = [
  ['socket', createSocketTransport],
  ...(shm.transport === undefined
    ? []
    : [['shm', () => shm.transport] as [string, () => Transport]]),
];

const reject = (status: StatusCode): Uint8Array =>
  encodeRejectPayload({ status, info: new Uint8Array(0) });

let folder = '';
let servers: TestServer[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-claim-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (leaf: string): string => join(folder, leaf);

interface ServerOptions {
  readonly transport: Transport;
  readonly name?: string;
  readonly handover?: boolean;
  /** Whether it lets others have its name; default as `handover`. */
  readonly gives?: boolean;
  readonly isAdmin?: boolean;
  readonly access?: SocketAccess;
  readonly timeoutMs?: number;
}

/** An owner of a name that accepts whoever comes. */
class TestServer {
  readonly id: number;
  readonly links = new Set<{ close(): void }>();
  owned: OwnedName | undefined;
  handover: NameHandover | undefined;
  isReplaced = false;

  constructor(id: number) {
    this.id = id;
  }

  async close(): Promise<void> {
    await this.handover?.settle();
    await this.owned?.close();
    for (const link of this.links) link.close();
  }
}

let nextId = 1;

async function createServerOf(options: ServerOptions): Promise<TestServer> {
  const { transport, handover = false, access = OWNER_ONLY, timeoutMs = 2000 } = options;
  const server = new TestServer(nextId++);
  const name = parseNewPortName(options.name ?? 'n');
  const owned = await claimName({
    transport,
    name,
    place: placeOf(name, transport, folder),
    access,
    handoverPayload: handover ? PAYLOAD : undefined,
    listen: {
      ...LINK_OPTIONS,
      handshakeTimeoutMs: timeoutMs,
      mode: 0o777,
      pendingConnectsMax: 100,
      busyPayload: reject('SERVER_BUSY'),
      onIncoming: (incoming) => {
        if (incoming.features % 4 >= 2) {
          if (server.handover === undefined) incoming.reject(reject('SERVER_BUSY'));
          else server.handover.receive(incoming, options.isAdmin ?? true);
          return;
        }
        const link = incoming.accept(Uint8Array.of(server.id % 256));
        server.links.add(link);
        const onEnd = (): void => void server.links.delete(link);
        link.start(
          { onRecord: () => undefined, onWritable: () => undefined, onEnd },
          { recordBytesMax: 1000 },
        );
      },
    },
  });
  server.owned = owned;
  if (owned.handover !== undefined) {
    server.handover = new NameHandover({
      name: owned.handover,
      enabled: options.gives ?? handover,
      acceptPayload: PAYLOAD,
      refuse: (incoming, status) => incoming.reject(reject(status)),
      timeoutMs,
      onReplaced: () => (server.isReplaced = true),
    });
  }
  servers.push(server);
  return server;
}

const LINK_OPTIONS = {
  ringBytes: 4096,
  handshakeTimeoutMs: 2000,
  spin: false,
  maxSectionSize: 1 << 20,
  maxTotalSectionSize: 1 << 20,
};

/** Whom a client reaches, by the number in the answer. */
async function reach(transport: Transport, address: string): Promise<number> {
  const outgoing = await transport.connect(address, LINK_OPTIONS);
  const { link, payload } = await outgoing.request(PAYLOAD);
  link?.close();
  return payload[0]!;
}

async function codeFrom(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return 'nothing thrown';
  if (!isPortError(error)) return `not a PortError: ${String(error)}`;
  expect(error.executed).toBe('no');
  return `${error.code}: ${error.message}`;
}

describe.each(TRANSPORTS)('claimName() over %s', (transportName, create) => {
  const transport = create();
  const claim = (options: Partial<ServerOptions> = {}): Promise<TestServer> =>
    createServerOf({ transport, ...options });

  it('owns its files, and leaves none', async () => {
    const server = await claim();
    expect(readdirSync(folder).toSorted()).toEqual(['#n.lock', 'n']);
    expect(lstatSync(at('n')).mode & 0o777).toBe(0o600);
    expect(await reach(transport, at('n'))).toBe(server.id % 256);
    await server.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([0, 0o077, 0o777])('gives the socket its mode under umask %o', async (umask) => {
    const before = process.umask(umask);
    try {
      await claim({ access: { mode: 0o666, gid: undefined } });
    } finally {
      process.umask(before);
    }
    expect(lstatSync(at('n')).mode & 0o777).toBe(0o666);
  });

  it('is refused while somebody lives there', async () => {
    await claim();
    expect(await codeFrom(claim())).toContain('PORT_NAME_IN_USE: Cannot create port "n"');
    expect(readdirSync(folder).toSorted()).toEqual(['#n.lock', 'n']);
  });

  const squatters: readonly [string, (path: string) => unknown, string][] = [
    ['a regular file', (path) => writeFileSync(path, 'precious'), 'is a regular file'],
    ['a directory', (path) => mkdirSync(path), 'is a directory'],
    [
      'a directory with files',
      (path) => mkdirSync(join(path, 'x'), { recursive: true }),
      'is a directory',
    ],
    ['a dangling link', (path) => symlinkSync('/nowhere', path), 'is a symbolic link'],
    ['a link to a file', (path) => symlinkSync(at('victim'), path), 'is a symbolic link'],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), 'is a pipe'],
  ];

  it.each(squatters)('is refused by %s at the socket, which stays', async (_, plant, text) => {
    writeFileSync(at('victim'), 'precious');
    plant(at('n'));
    const before = lstatSync(at('n')).ino;
    const code = await codeFrom(claim());
    expect(code).toContain('PORT_NAME_IN_USE');
    expect(code).toContain(`${at('n')} ${text}`);
    expect(lstatSync(at('n')).ino).toBe(before);
    expect(readFileSync(at('victim'), 'utf8')).toBe('precious');
    expect(readdirSync(folder).toSorted()).toEqual(['n', 'victim']);
  });

  const lockSquatters: typeof squatters = [
    ...squatters.slice(1),
    ['a hard link', (path) => linkSync(at('victim'), path), 'is a hard link, one of 2'],
  ];

  it.each(lockSquatters)('is refused by %s at the lock, which stays', async (_, plant, text) => {
    writeFileSync(at('victim'), 'precious');
    plant(at('#n.lock'));
    const before = lstatSync(at('#n.lock')).ino;
    const code = await codeFrom(claim());
    expect(code).toContain('PORT_NAME_IN_USE');
    expect(code).toContain(`${at('#n.lock')} ${text}`);
    expect(lstatSync(at('#n.lock')).ino).toBe(before);
    expect(readFileSync(at('victim'), 'utf8')).toBe('precious');
    expect(existsSync(at('n'))).toBe(false);
  });

  it('is refused by a link to a live socket, and by a second name of one', async () => {
    await claim({ name: 'other' });
    symlinkSync(at('other'), at('n'));
    expect(await codeFrom(claim())).toContain('is a symbolic link');
    rmSync(at('n'));
    linkSync(at('other'), at('n'));
    expect(await codeFrom(claim())).toContain('is a hard link');
  });

  it.skipIf(!isRoot)(`is refused by what another user owns (${ROOT_ONLY})`, async () => {
    leaveStaleSocket(at('n'));
    chownSync(at('n'), 64_007, 64_007);
    const inode = lstatSync(at('n')).ino;
    expect(await codeFrom(claim())).toContain(
      `PORT_NAME_IN_USE: Cannot create port "n": user 64007`,
    );
    expect(lstatSync(at('n')).ino).toBe(inode);
    rmSync(at('n'));
    writeFileSync(at('#n.lock'), '');
    chownSync(at('#n.lock'), 64_007, 64_007);
    expect(await codeFrom(claim())).toContain('PORT_NAME_IN_USE');
    expect(lstatSync(at('#n.lock')).uid).toBe(64_007);
  });

  it('replaces what a dead owner left: socket, lock, sidecar', async () => {
    const name = `${'x'.repeat(64)}/${'y'.repeat(64)}`;
    const server = await claim({ name });
    const [sidecar, lock] = ['.name', '.lock'].map((end) => {
      return readdirSync(folder).find((leaf) => leaf.endsWith(end))!;
    });
    await server.close();
    writeFileSync(at(lock!), '4194303 1');
    writeFileSync(at(sidecar!), 'torn');
    leaveStaleSocket(at(sidecar!.replace('.name', '')));
    const next = await claim({ name });
    expect(readFileSync(at(sidecar!), 'utf8')).toBe(`${name}\n`);
    await next.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves alone what has taken the place of its files', async () => {
    const server = await claim();
    for (const leaf of ['n', '#n.lock']) {
      rmSync(at(leaf));
      writeFileSync(at(leaf), 'precious');
    }
    await server.close();
    if (transportName === 'socket') expect(readFileSync(at('#n.lock'), 'utf8')).toBe('precious');
    expect(readFileSync(at('n'), 'utf8')).toBe('precious');
  });

  it('changes who may reach the socket, while it is its own', async () => {
    const server = await claim();
    server.owned!.setAccess({ mode: 0o666, gid: undefined });
    expect(lstatSync(at('n')).mode & 0o777).toBe(0o666);
    rmSync(at('n'));
    writeFileSync(at('n'), '');
    chmodSync(at('n'), 0o640);
    server.owned!.setAccess({ mode: 0o666, gid: undefined });
    expect(lstatSync(at('n')).mode & 0o777).toBe(0o640);
  });

  describe('handover', () => {
    it('moves the name to the new server, and the old one gives up', async () => {
      const old = await claim({ handover: true });
      const next = await claim({ handover: true });
      await until(() => old.isReplaced);
      expect(await reach(transport, at('n'))).toBe(next.id % 256);
      await old.close();
      expect(readdirSync(folder).toSorted()).toEqual(['#n.lock', 'n']);
      expect(await codeFrom(claim())).toContain('PORT_NAME_IN_USE');
      await next.close();
      expect(readdirSync(folder)).toEqual([]);
    });

    it('takes a name that is free, and one of a dead owner, without asking', async () => {
      const first = await claim({ handover: true });
      await first.close();
      leaveStaleSocket(at('n'));
      await claim({ handover: true });
      expect(readdirSync(folder).toSorted()).toEqual(['#n.lock', 'n']);
    });

    it('is refused by an owner that does not do it', async () => {
      const old = await claim();
      const code = await codeFrom(claim({ handover: true }));
      expect(code).toContain('PORT_NAME_IN_USE');
      expect(code).toContain('does not hand it over');
      expect(readdirSync(folder).toSorted()).toEqual(['#n.lock', 'n']);
      expect(await reach(transport, at('n'))).toBe(old.id % 256);
    });

    it('is denied to who has no right to it', async () => {
      const old = await claim({ handover: true, isAdmin: false });
      const code = await codeFrom(claim({ handover: true }));
      expect(code).toContain('ACCESS_DENIED');
      expect(code).toContain('"admin"');
      expect(await reach(transport, at('n'))).toBe(old.id % 256);
      expect(await codeFrom(claim())).toContain('PORT_NAME_IN_USE');
    });

    it('that ends half-way leaves the old server its name and its lock', async () => {
      const old = await claim({ handover: true });
      const outgoing = await transport.connect(at('n'), LINK_OPTIONS);
      const { link } = await outgoing.request(PAYLOAD, 2);
      link!.start(
        { onRecord: () => undefined, onWritable: () => undefined, onEnd: () => undefined },
        { recordBytesMax: 100 },
      );
      expect(existsSync(at('#n.lock'))).toBe(false); // It is up for taking.
      link!.close(); // And dies.
      await until(() => existsSync(at('#n.lock')));
      expect(old.isReplaced).toBe(false);
      expect(await reach(transport, at('n'))).toBe(old.id % 256);
      expect(await codeFrom(claim())).toContain('PORT_NAME_IN_USE');
      const next = await claim({ handover: true }); // And it can be tried again.
      await until(() => old.isReplaced);
      expect(await reach(transport, at('n'))).toBe(next.id % 256);
    });

    it('does not give the name to a plain server that comes in between', async () => {
      const old = await claim({ handover: true });
      const outgoing = await transport.connect(at('n'), LINK_OPTIONS);
      const { link } = await outgoing.request(PAYLOAD, 2);
      // The lock is free now, but the socket is live: a plain server must not take it.
      expect(await codeFrom(claim())).toContain('PORT_NAME_IN_USE');
      link!.start(
        { onRecord: () => undefined, onWritable: () => undefined, onEnd: () => undefined },
        { recordBytesMax: 100 },
      );
      link!.close();
      await until(() => existsSync(at('#n.lock')));
      expect(old.isReplaced).toBe(false);
    });

    it('among several new servers ends with one owner, and all others give up', async () => {
      const first = await claim({ handover: true });
      const rest = await Promise.all(Array.from({ length: 4 }, () => claim({ handover: true })));
      const all = [first, ...rest];
      await until(() => all.filter(({ isReplaced }) => isReplaced).length === 4);
      const [owner] = all.filter(({ isReplaced }) => !isReplaced);
      expect(await reach(transport, at('n'))).toBe(owner!.id % 256);
      for (const server of all) await server.close();
      expect(readdirSync(folder)).toEqual([]);
    });

    it('that never ends is given up, and says so', async () => {
      // The owner has the lock, and answers nobody.
      const old = await claim({ handover: true });
      old.handover = undefined;
      const code = await codeFrom(claim({ handover: true, timeoutMs: 50 }));
      expect(code).toContain('did not hand it over in 50 ms');
      expect(readdirSync(folder).toSorted()).toEqual(['#n.lock', 'n']);
    });

    it(
      'closes no gap for clients: 100 of them, two clients in a loop',
      { timeout: 60_000 },
      async () => {
        const state = { isOn: true };
        let connects = 0;
        const failures: unknown[] = [];
        const loop = async (): Promise<void> => {
          const swap = new ServerSwap(at('n'));
          while (state.isOn) {
            swap.remember();
            try {
              const outgoing = await transport.connect(at('n'), LINK_OPTIONS);
              const { link } = await outgoing.request(PAYLOAD);
              link?.close();
              if (link !== undefined) connects++;
              else if (!swap.hasHappened()) failures.push('busy without a reason');
            } catch (error) {
              if (!swap.explains(error)) failures.push(error);
            }
            await new Promise((done) => setImmediate(done));
          }
        };
        let owner = await claim({ handover: true });
        const clients = [loop(), loop()];
        for (let round = 0; round < 100; round++) {
          const next = await claim({ handover: true });
          await until(() => owner.isReplaced);
          await owner.close();
          owner = next;
        }
        state.isOn = false;
        await Promise.all(clients);
        expect(failures.map(String)).toEqual([]);
        expect(connects).toBeGreaterThan(100);
        await owner.close();
        expect(readdirSync(folder)).toEqual([]);
      },
    );
  });
});

/** Leaves a socket behind which nobody listens, as a killed server does. */
function leaveStaleSocket(path: string): void {
  const program = `require('node:net').createServer().listen(process.argv[1], () => {
    process.kill(process.pid, 'SIGKILL');
  })`;
  spawnSync(process.execPath, ['-e', program, path]);
  if (!lstatSync(path).isSocket()) throw new Error(`There is no socket at ${path}`);
}

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('It did not come to that in 5 s');
    await new Promise((done) => setTimeout(done, 1));
  }
}

describe('claimName() in memory', () => {
  it('is exclusive without files, and gives no handover', async () => {
    const transport = createMemoryTransport();
    const server = await createServerOf({ transport, name: 'inproc:n', handover: true });
    expect(server.owned!.address).toBe('inproc:n');
    expect(server.owned!.handover).toBeUndefined();
    const second = createServerOf({ transport, name: 'inproc:n', handover: true });
    expect(await codeFrom(second)).toContain('PORT_NAME_IN_USE');
    await createServerOf({ transport, name: 'session:n' });
    expect(readdirSync(folder)).toEqual([]);
  });
});
