import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { buildPeer, startPeer } from '../test/support/peer-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
let folder = '';
let program = '';
let base: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-peer-'));
  program = buildPeer(folder);
  base = openDescriptors();
});
afterAll(async () => {
  await expectDescriptors(base);
  rmSync(folder, { recursive: true });
});

/** A connection from a real child. */
async function withChild(
  use: (peer: {
    readonly fd: number;
    readonly pid: number;
    kill(): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const path = join(folder, 's');
  const listener = native.listen(path, 0o600, 8);
  const child = startPeer(program, path, 'hold');
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let fd = -1;
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await waitUntil('the child', () => (fd = native.accept(listener)) >= 0);
    await use({ fd, pid: child.pid!, kill });
  } finally {
    await kill();
    if (fd >= 0) native.close(fd);
    native.close(listener);
    rmSync(path);
  }
}

describe('peerCredentials()', () => {
  it('states pid, user and group of who connected', async () => {
    await withChild(async ({ fd, pid }) => {
      const fields = new Float64Array(3);
      expect(native.peerCredentials(fd, fields)).toBe(0);
      expect([...fields]).toEqual([pid, process.getuid!(), process.getgid!()]);
    });
  });

  it('keeps stating them after the peer has died', async () => {
    await withChild(async ({ fd, pid, kill }) => {
      await kill();
      const fields = new Float64Array(3);
      expect(native.peerCredentials(fd, fields)).toBe(0);
      expect(fields[0]).toBe(pid);
    });
  });

  it('returns ENOTSOCK for what is no socket', () => {
    const fd = native.memfdCreate('none', 0);
    expect(errnoName(native.peerCredentials(fd, new Float64Array(3)))).toBe('ENOTSOCK');
    expect(errnoName(native.peerPidfd(fd))).toBe('ENOTSOCK');
    native.close(fd);
  });

  it('throws RangeError for an array that is too short', () => {
    expect(() => native.peerCredentials(99999, new Float64Array(2))).toThrow(RangeError);
  });
});

describe('peerPidfd() and processEnded()', () => {
  it('tell the death of a real child', async () => {
    await withChild(async ({ fd, kill }) => {
      const pidfd = native.peerPidfd(fd);
      expect(pidfd).toBeGreaterThan(2);
      expect(native.processEnded(pidfd)).toBe(0);
      await kill();
      expect(native.processEnded(pidfd)).toBe(1);
      native.close(pidfd);
    });
  });

  it('give a descriptor that children of this process do not inherit', async () => {
    await withChild(async ({ fd }) => {
      const pidfd = native.peerPidfd(fd);
      const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'latin1'));
      expect(Number.parseInt(flags![1]!, 8) & 0o2000000).not.toBe(0);
      native.close(pidfd);
    });
  });
});

describe('processImage()', () => {
  it('gives the path of the executable', () => {
    const bytes = new Uint8Array(4096);
    const length = native.processImage(process.pid, bytes);
    expect(Buffer.from(bytes.buffer, 0, length).toString()).toBe(readlinkSync('/proc/self/exe'));
  });

  it('never writes more than the array holds', () => {
    const bytes = new Uint8Array(8);
    expect(native.processImage(process.pid, bytes.subarray(0, 4))).toBe(4);
    expect([...bytes.subarray(4)]).toEqual([0, 0, 0, 0]);
  });

  it('returns ENOENT for a process that is not there', () => {
    expect(errnoName(native.processImage(0x7ffffff0, new Uint8Array(10)))).toBe('ENOENT');
  });
});

describe('processStat()', () => {
  it('gives the text of /proc/<pid>/stat', () => {
    const bytes = new Uint8Array(1024);
    const length = native.processStat(process.pid, bytes);
    expect(Buffer.from(bytes.buffer, 0, length).toString()).toMatch(
      new RegExp(`^${process.pid} \\(`),
    );
  });

  it('returns ENOENT for a process that is not there', () => {
    expect(errnoName(native.processStat(0x7ffffff0, new Uint8Array(10)))).toBe('ENOENT');
  });
});
