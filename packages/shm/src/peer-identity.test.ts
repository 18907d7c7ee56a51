/*
 * Threat: a process is taken for another: it died and its number was given away, it has no number
 * here, it answers on a socket on which somebody else listens, or it sends half of an answer.
 */
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PLAIN_FRAME, encodeFrame, type PeerIdentity } from '@portcall/transport';
import { FRAME_TYPE } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { LINK_LIMITS, LINK_OPTIONS, Recorder } from '../test/support/link-parts.js';
import { codeOfRejection, nativeBinding } from '../test/support/native.js';
import { runShmProgram, startShmProgram } from '../test/support/shm-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import { connectShm } from './connect-shm.js';
import { listenShm } from './listen-shm.js';
import { identifySender, readPeerIdentity } from './peer-identity.js';

const native = nativeBinding();
const isRoot = process.getuid!() === 0;
const NOTHING = new Uint8Array(0);

let base: string[] = [];
let folder = '';
let path = '';
const children: ChildProcess[] = [];

beforeEach(() => {
  base = openDescriptors();
  folder = mkdtempSync(join(tmpdir(), 'pc-identity-'));
  path = join(folder, 's');
});
afterEach(async ({ task }) => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    child.stdout?.destroy();
  }
  rmSync(folder, { recursive: true });
  if (task.result?.state !== 'fail') await expectDescriptors(base);
});

/** Inode of a namespace of this process. */
function namespaceOf(kind: string): number {
  return Number(/\d+/.exec(readlinkSync(`/proc/self/ns/${kind}`))![0]);
}

/** Who a program is to a listener: it runs `before`, then connects and asks. */
async function seenByListener(before: string): Promise<PeerIdentity | undefined> {
  let seen: { readonly peer: PeerIdentity | undefined } | undefined;
  const listener = listenShm(native, path, {
    ...LINK_OPTIONS,
    mode: 0o666,
    pendingConnectsMax: 4,
    busyPayload: NOTHING,
    onIncoming: (incoming) => {
      seen = { peer: incoming.peer };
      incoming.reject(NOTHING);
    },
  });
  const program = `
    ${before}
    const outgoing = await connectShm(native, process.argv[1], OPTIONS);
    await outgoing.request(new Uint8Array(0));
  `;
  spawnSync('chmod', ['755', folder]);
  await runShmProgram('client', program, path);
  await listener.close();
  rmSync(path);
  if (seen === undefined) throw new Error('nobody came');
  return seen.peer;
}

describe('a client', () => {
  it('is known by its ids, its groups, its start, its program and its namespaces', async () => {
    const peer = await seenByListener('');
    expect(peer).toEqual({
      pid: expect.any(Number),
      uid: process.geteuid!(),
      gid: process.getegid!(),
      groups: expect.any(Array),
      startTime: expect.any(Number),
      exe: process.execPath,
      namespaces: {
        pid: namespaceOf('pid'),
        mnt: namespaceOf('mnt'),
        user: namespaceOf('user'),
      },
      source: 'connect',
    });
  });

  it.runIf(isRoot)('has the groups that it connected with, however many', async () => {
    const few = await seenByListener('process.setgroups([7, 5, 100000]);');
    expect(few!.groups!.toSorted((one, other) => one - other)).toEqual([5, 7, 100000]);
    const many = await seenByListener(
      'process.setgroups(Array.from({ length: 300 }, (_, index) => 1000 + index));',
    );
    expect(many!.groups).toHaveLength(300);
  });

  it.runIf(isRoot)('of the overflow user is unknown, not "nobody"', async () => {
    expect(await seenByListener('process.setgroups([]); process.setuid(65534);')).toBeUndefined();
  });

  it.runIf(isRoot)('of another namespace of processes has no number, and is unknown', async () => {
    const program = `
      const listener = listenShm(native, process.argv[1], { ...OPTIONS, onIncoming(incoming) {
        console.log(incoming.peer === undefined ? 'unknown' : 'pid ' + incoming.peer.pid);
        incoming.reject(new Uint8Array(0));
        listener.close();
      } });
      const { spawnSync } = await import('node:child_process');
      console.log('listening');
    `;
    // Started in a namespace of its own, where this process has no number.
    const child = await startShmProgram('server', program, { isOtherNamespace: true }, path);
    children.push(child);
    const said = once(child.stdout!, 'data');
    const outgoing = await connectShm(native, path, LINK_OPTIONS);
    expect((await outgoing.request(NOTHING)).link).toBeUndefined();
    expect(String((await said)[0])).toBe('unknown\n');
  });
});

/** Takes one client in on descriptor 3, in a process that did not call listen. */
const ACCEPTOR = `
  const { createRegion } = await import(SHM + '/region.js');
  const { encodeFrame, PLAIN_FRAME } = await import('@portcall/transport');
  const { spawn } = await import('node:child_process');
  let fd;
  while ((fd = native.accept(3)) < 0) await new Promise((resolve) => setTimeout(resolve, 1));
  while (native.receive(fd, new Uint8Array(1000), new Int32Array(2)) < 0);
  // A child of it keeps the socket open beyond its death.
  spawn('sleep', ['20'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  const region = createRegion(native, 4096);
  const frame = encodeFrame({ ...PLAIN_FRAME, type: 2, features: 1, layoutHash: 0x990396f9,
    regionBytes: 4096, payload: new Uint8Array(0) });
  native.send(fd, frame, 0, frame.length, region.fd);
`;

describe('a server', () => {
  it('is who answers, not who listens, and its death ends the link', async () => {
    const listener = native.listen(path, 0o600, 4);
    const connecting = connectShm(native, path, LINK_OPTIONS);
    const starting = startShmProgram('acceptor', ACCEPTOR, { inherits: listener });
    const outgoing = await connecting;
    expect(outgoing.peer!.pid).toBe(process.pid);
    const deciding = outgoing.request(NOTHING);
    const acceptor = await starting;
    children.push(acceptor);
    const { link, acceptor: identity } = await deciding;
    expect(identity).toMatchObject({
      pid: acceptor.pid,
      uid: process.geteuid!(),
      exe: process.execPath,
      source: 'message',
    });
    expect(link!.peer).toEqual(identity);
    const sees = new Recorder();
    link!.start(sees, LINK_LIMITS);
    expect(link!.isPeerAlive()).toBe(true);
    acceptor.kill('SIGKILL');
    await waitUntil('the end', () => sees.ends.length > 0);
    expect(sees.ends).toEqual([{ kind: 'ended' }]);
    native.close(listener);
  });

  it.runIf(isRoot)('states its effective ids, which the kernel checks', async () => {
    const program = `
      process.setegid(4343);
      process.seteuid(4242);
      console.log('ready');
      listenShm(native, process.argv[1], { ...OPTIONS, mode: 0o666, onIncoming(incoming) {
        if (incoming.payload[0] === 1) incoming.accept(new Uint8Array(0));
        else incoming.reject(new Uint8Array(0));
      } });
    `;
    spawnSync('chmod', ['777', folder]);
    const child = await startShmProgram('server', program, {}, path);
    children.push(child);
    for (const asked of [1, 0]) {
      const outgoing = await untilListening();
      const { acceptor, link } = await outgoing.request(Uint8Array.of(asked));
      expect([acceptor!.pid, acceptor!.uid, acceptor!.gid]).toEqual([child.pid, 4242, 4343]);
      link?.close();
    }
  });

  it('that answers together with another process is cut off', async () => {
    const listener = native.listen(path, 0o600, 4);
    const outgoing = await connectShm(native, path, LINK_OPTIONS);
    const deciding = outgoing.request(NOTHING);
    const fd = native.accept(listener);
    const frame = encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload: NOTHING });
    native.send(fd, frame, 0, 10, -1);
    const rest = [...frame.subarray(10)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', fd];
    expect(spawnSync('bash', ['-c', `printf '${rest.join('')}' >&3`], { stdio }).status).toBe(0);
    expect(await codeOfRejection(deciding)).toBe('PROTOCOL_ERROR');
    for (const one of [fd, listener]) native.close(one);
  });
});

async function untilListening(): ReturnType<typeof connectShm> {
  const giveUpAt = performance.now() + 5000;
  for (;;) {
    try {
      return await connectShm(native, path, LINK_OPTIONS);
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
  }
}

describe('identifySender()', () => {
  it('knows no more than the credentials of a process that has gone', async () => {
    const child = spawn('true');
    const pid = child.pid!;
    await once(child, 'exit');
    const nobody = { identity: undefined, pidfd: -1 };
    expect(identifySender(native, { pid, uid: 1, gid: 2 }, nobody)).toEqual({
      identity: {
        pid,
        uid: 1,
        gid: 2,
        groups: undefined,
        startTime: undefined,
        exe: undefined,
        namespaces: undefined,
        source: 'message',
      },
      pidfd: -1,
    });
  });

  it('does not take a process of another user for the sender', () => {
    const sender = { pid: process.pid, uid: 123_456, gid: 1 };
    const { identity, pidfd } = identifySender(native, sender, { identity: undefined, pidfd: -1 });
    expect([identity!.exe, identity!.startTime, pidfd]).toEqual([undefined, undefined, -1]);
  });

  it('uses the descriptor of the connected process when it is the same', () => {
    const listener = native.listen(path, 0o600, 4);
    const fd = native.connect(path, 0);
    const connected = readPeerIdentity(native, fd);
    const sender = { pid: process.pid, uid: process.geteuid!(), gid: process.getegid!() };
    expect(identifySender(native, sender, connected).pidfd).toBe(connected.pidfd);
    for (const one of [connected.pidfd, fd, listener]) native.close(one);
  });
});
