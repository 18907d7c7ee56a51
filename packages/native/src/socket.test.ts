import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { runNode } from '../test/support/node-process.js';
import { buildPeer, startPeer } from '../test/support/peer-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
let folder = '';
let peerProgram = '';
let base: string[] = [];
let path = '';
let listener = -1;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-socket-'));
  peerProgram = buildPeer(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  base = openDescriptors();
  path = join(folder, 's');
  listener = native.listen(path, 0o600, 8);
  if (listener < 0) throw new Error(errnoName(listener));
});
afterEach(async () => {
  native.close(listener);
  rmSync(path, { force: true });
  await expectDescriptors(base);
});

/** Both ends of a connection. */
function connectedPair(): readonly [number, number] {
  const client = native.connect(path, 0);
  const server = native.accept(listener);
  expect(Math.min(client, server)).toBeGreaterThan(2);
  return [client, server];
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) native.close(fd);
}

function send(fd: number, bytes: readonly number[], passFd = -1): number {
  return native.send(fd, Uint8Array.from(bytes), 0, bytes.length, passFd);
}

/** Receives once. @returns count, bytes and the descriptor array */
function receive(fd: number, room = 2) {
  const bytes = new Uint8Array(100);
  const descriptors = new Int32Array(1 + room).fill(-7);
  const count = native.receive(fd, bytes, descriptors);
  return { count, bytes: [...bytes.subarray(0, Math.max(count, 0))], descriptors };
}

/** Starts the peer in C and waits until its first byte is there. */
async function withPeer(args: readonly string[], use: (fd: number) => void): Promise<void> {
  const peer = startPeer(peerProgram, path, ...args);
  const ended = new Promise((resolve) => peer.once('close', resolve));
  let fd = -1;
  await waitUntil('the peer', () => (fd = native.accept(listener)) >= 0);
  try {
    const probe = new Uint8Array(0);
    expect(() => native.receive(fd, probe, new Int32Array(1))).toThrow(RangeError);
    use(fd);
  } finally {
    native.close(fd);
    peer.kill('SIGKILL');
    await ended;
  }
}

/** Receives when something has come: the peer writes when it likes. */
function receiveNext(fd: number, room: number): ReturnType<typeof receive> {
  const giveUpAt = performance.now() + 5000;
  for (;;) {
    const result = receive(fd, room);
    if (result.count !== -11 || performance.now() > giveUpAt) return result;
  }
}

describe('listen()', () => {
  it('makes a socket of the wanted mode', () => {
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  it('returns EADDRINUSE for a path that exists', () => {
    expect(errnoName(native.listen(path, 0o600, 8))).toBe('EADDRINUSE');
  });

  it('returns ENOENT for a folder that is not there', () => {
    expect(errnoName(native.listen(join(folder, 'none', 's'), 0o600, 8))).toBe('ENOENT');
  });
});

describe('connect() and accept()', () => {
  it('make the two ends of a connection', () => {
    const [client, server] = connectedPair();
    expect(send(client, [1, 2, 3])).toBe(3);
    expect(receive(server)).toMatchObject({ count: 3, bytes: [1, 2, 3] });
    expect(send(server, [4])).toBe(1);
    expect(receive(client).bytes).toEqual([4]);
    closeAll([client, server]);
  });

  it('return EAGAIN when nobody waits', () => {
    expect(errnoName(native.accept(listener))).toBe('EAGAIN');
  });

  it('return EAGAIN when the backlog is full', () => {
    const clients: number[] = [];
    let last = 0;
    while (clients.length < 50 && (last = native.connect(path, 0)) >= 0) clients.push(last);
    expect(errnoName(last)).toBe('EAGAIN');
    expect(clients.length).toBeGreaterThanOrEqual(8);
    closeAll(clients);
  });

  it('return the errno when nobody listens', () => {
    const plain = join(folder, 'plain');
    writeFileSync(plain, '');
    expect(errnoName(native.connect(join(folder, 'none'), 0))).toBe('ENOENT');
    expect(errnoName(native.connect(plain, 0))).toBe('ECONNREFUSED');
  });
});

describe('send() and receive()', () => {
  it('return EAGAIN when there is nothing', () => {
    const [client, server] = connectedPair();
    expect(errnoName(receive(server).count)).toBe('EAGAIN');
    closeAll([client, server]);
  });

  it('return 0 at the end of the stream, after everything that was sent', () => {
    const [client, server] = connectedPair();
    send(client, [1, 2]);
    native.close(client);
    expect(receive(server).bytes).toEqual([1, 2]);
    expect(receive(server).count).toBe(0);
    expect(receive(server).count).toBe(0);
    native.close(server);
  });

  it(
    'return what was sent, then ECONNRESET once, then the end, when the peer left bytes ' +
      'unread',
    () => {
      const [client, server] = connectedPair();
      send(client, [5]);
      send(server, [6]);
      native.close(client);
      expect(receive(server).bytes).toEqual([5]);
      expect(errnoName(receive(server).count)).toBe('ECONNRESET');
      expect(receive(server).count).toBe(0);
      native.close(server);
    },
  );

  it('return EPIPE and send no signal when the peer has gone', () => {
    const [client, server] = connectedPair();
    native.close(server);
    expect(errnoName(send(client, [1]))).toBe('EPIPE');
    native.close(client);
  });

  it('send part of what does not fit, then return EAGAIN', () => {
    const [client, server] = connectedPair();
    const bytes = new Uint8Array(4 * 1024 * 1024);
    const sent = native.send(client, bytes, 0, bytes.length, -1);
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(bytes.length);
    let result = sent;
    while (result > 0) result = native.send(client, bytes, 0, bytes.length, -1);
    expect(errnoName(result)).toBe('EAGAIN');
    closeAll([client, server]);
  });

  it('throw RangeError for a range outside the array', () => {
    for (const [offset, length] of [
      [0, 9],
      [9, 0],
      [1, 8],
      [1, 2 ** 53 - 1],
    ] as const) {
      expect(() => native.send(99999, new Uint8Array(8), offset, length, -1)).toThrow(RangeError);
    }
  });

  it('throw RangeError for arrays without room', () => {
    const [client, server] = connectedPair();
    expect(() => native.receive(server, new Uint8Array(0), new Int32Array(1))).toThrow(RangeError);
    expect(() => native.receive(server, new Uint8Array(1), new Int32Array(0))).toThrow(RangeError);
    closeAll([client, server]);
  });
});

describe('descriptors', () => {
  it('pass with a message, and lead to the same file', () => {
    const [client, server] = connectedPair();
    const fd = native.memfdCreate('passed', 16);
    native.writeAt(fd, Uint8Array.of(42), 0, 1, 3);
    expect(send(client, [7], fd)).toBe(1);
    native.close(fd);
    const { bytes, descriptors } = receive(server);
    expect(bytes).toEqual([7]);
    expect(descriptors[0]).toBe(1);
    const content = new Uint8Array(4);
    native.readAt(descriptors[1]!, content, 0, 4, 0);
    expect([...content]).toEqual([0, 0, 0, 42]);
    closeAll([client, server, descriptors[1]!]);
  });

  it('come as 0 with a message that has none', () => {
    const [client, server] = connectedPair();
    send(client, [7]);
    expect(receive(server).descriptors[0]).toBe(0);
    closeAll([client, server]);
  });

  it('are not mixed: a read ends behind a message with a descriptor', () => {
    const [client, server] = connectedPair();
    const fd = native.memfdCreate('passed', 0);
    send(client, [1]);
    send(client, [2, 2], fd);
    send(client, [3], fd);
    native.close(fd);
    const first = receive(server);
    const second = receive(server);
    expect([first.bytes, second.bytes]).toEqual([[1, 2, 2], [3]]);
    expect([first.descriptors[0], second.descriptors[0]]).toEqual([1, 1]);
    closeAll([client, server, first.descriptors[1]!, second.descriptors[1]!]);
  });

  it('return EBADF for one that is not open', () => {
    const [client, server] = connectedPair();
    expect(errnoName(send(client, [1], 99999))).toBe('EBADF');
    closeAll([client, server]);
  });

  it('that nobody received are closed with the connection', async () => {
    const [client, server] = connectedPair();
    const before = openDescriptors().length;
    const fd = native.memfdCreate('lost', 0);
    send(client, [1], fd);
    native.close(fd);
    expect(openDescriptors()).toHaveLength(before);
    closeAll([client, server]);
  });

  it.each([
    [0, []],
    [1, [1]],
    [2, [1, 2]],
    [5, [1, 2]],
    [253, [1, 2]],
  ])(
    'count %i in one message: those with room are handed out, the others closed',
    async (count, kept) => {
      await withPeer(['fds', String(count)], (fd) => {
        const before = openDescriptors().length;
        const { descriptors, bytes } = receiveNext(fd, 2);
        expect(bytes).toEqual(['x'.charCodeAt(0)]);
        expect(descriptors[0]).toBe(count);
        const received = [...descriptors.subarray(1)].filter((descriptor) => descriptor >= 0);
        expect(received).toHaveLength(kept.length);
        expect(openDescriptors()).toHaveLength(before + kept.length);
        closeAll(received);
      });
    },
  );

  it('are all closed when the array has room for none', async () => {
    await withPeer(['fds', '5'], (fd) => {
      const before = openDescriptors().length;
      expect(receiveNext(fd, 0).descriptors[0]).toBe(5);
      expect(openDescriptors()).toHaveLength(before);
    });
  });

  it('of two messages come one by one', async () => {
    await withPeer(['twice'], (fd) => {
      const first = receiveNext(fd, 2);
      const second = receiveNext(fd, 2);
      expect([first.descriptors[0], second.descriptors[0]]).toEqual([1, 1]);
      closeAll([first.descriptors[1]!, second.descriptors[1]!]);
    });
  });

  it('that the kernel cuts off are reported as −1, and what did arrive is closed', async () => {
    // Out of descriptors: the kernel installs as many as it can and marks the rest as cut off.
    const { code, output } = await runCutOff(path, peerProgram);
    expect(output).toContain('cut off: -1, leaked: 0');
    expect(code).toBe(0);
  });
});

describe('ringDoorbell()', () => {
  it('sends one byte 1', () => {
    const [client, server] = connectedPair();
    expect(native.ringDoorbell(client)).toBe(1);
    expect(receive(server).bytes).toEqual([1]);
    closeAll([client, server]);
  });

  it('returns EAGAIN when a wake-up is pending already', () => {
    const [client, server] = connectedPair();
    let result = 1;
    for (let rings = 0; result === 1 && rings < 100_000; rings++) {
      result = native.ringDoorbell(client);
    }
    expect(errnoName(result)).toBe('EAGAIN');
    closeAll([client, server]);
  });

  it('returns EPIPE when the peer has gone', () => {
    const [client, server] = connectedPair();
    native.close(server);
    expect(errnoName(native.ringDoorbell(client))).toBe('EPIPE');
    native.close(client);
  });
});

describe('shutdown()', () => {
  it('ends both directions', () => {
    const [client, server] = connectedPair();
    expect(native.shutdown(client)).toBe(0);
    expect(receive(server).count).toBe(0);
    expect(receive(client).count).toBe(0);
    expect(errnoName(send(server, [1]))).toBe('EPIPE');
    closeAll([client, server]);
  });
});

/** Receives 5 descriptors in a process that may open only 3 more. */
async function runCutOff(socketPath: string, peer: string) {
  const own = `${socketPath}.cut`;
  const program = `
    const listener = binding.listen(process.argv[1], 0o600, 8);
    console.log('listening');
    let fd;
    while ((fd = binding.accept(listener)) < 0) await new Promise((r) => setTimeout(r, 1));
    const open = () => fs.readdirSync('/proc/self/fd').length - 1;
    const fillers = [];
    const bytes = new Uint8Array(10), descriptors = new Int32Array(3);
    for (;;) {
      const filler = binding.memfdCreate('filler', 0);
      if (filler < 0) break;
      fillers.push(filler);
    }
    for (const filler of fillers.splice(0, 3)) binding.close(filler);
    let count;
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
    while ((count = binding.receive(fd, bytes, descriptors)) === -11) await pause();
    let free = 0;
    while (binding.memfdCreate('filler', 0) >= 0) free++;
    console.log('cut off: ' + descriptors[0] + ', leaked: ' + (3 - free));
    process.exit(0);
  `;
  let sender: ReturnType<typeof startPeer> | undefined;
  const result = await runNode(program, {
    args: [own],
    limitDescriptors: 128,
    onFirstOutput: () => (sender = startPeer(peer, own, 'fds', '5')),
  });
  const ended = new Promise((resolve) => sender?.once('close', resolve));
  sender?.kill('SIGKILL');
  await ended;
  return result;
}
