/*
 * Threat: a peer passes any descriptor it likes as its region. One that can shrink makes our reads
 * fault, one without memory behind it makes them fail or fill ours, one that others can write is no
 * longer the peer's alone. Each must be refused before it is mapped, and closed.
 */
import { execFileSync } from 'node:child_process';
import { fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SEAL } from '@portcall/native';
import { LAYOUT_HASH, REGION_HEADER_BYTES, REGION_MAGIC, REGION_OFFSET } from '@portcall/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { codeOf, connectedStream, nativeBinding, sparseMemfd } from '../test/support/native.js';
import { buildPeer, startPeer } from '../test/support/peer-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import { REGION_SEALS, createRegion, importRegion } from './region.js';

const native = nativeBinding();
const RING_BYTES = 4096;
const REGION_BYTES = REGION_HEADER_BYTES + RING_BYTES;
let folder = '';
let base: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-region-'));
  base = openDescriptors();
});
afterAll(async () => {
  await expectDescriptors(base);
  rmSync(folder, { recursive: true });
});

/** A memfd like a region's, header and all. */
function forgedRegion(bytes = REGION_BYTES, header: Readonly<Record<number, number>> = {}): number {
  const fd = native.memfdCreate('forged', bytes);
  const words = new Int32Array(3);
  words[REGION_OFFSET.MAGIC / 4] = REGION_MAGIC;
  words[REGION_OFFSET.LAYOUT_HASH / 4] = LAYOUT_HASH;
  words[REGION_OFFSET.RING_BYTES / 4] = RING_BYTES;
  for (const [offset, value] of Object.entries(header)) words[Number(offset) / 4] = value;
  if (bytes > 0) native.writeAt(fd, new Uint8Array(words.buffer), 0, 12, 0);
  return fd;
}

function sealed(fd: number, seals: number = REGION_SEALS): number {
  expect(native.addSeals(fd, seals)).toBe(0);
  return fd;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

function expectRefused(fd: number, ringBytes = RING_BYTES): void {
  expect(fd).toBeGreaterThan(2);
  expect(codeOf(() => importRegion(native, fd, ringBytes))).toBe('PROTOCOL_ERROR');
  expect(isOpen(fd)).toBe(false);
}

describe('createRegion()', () => {
  it('makes one that the other side accepts, with all seals', () => {
    const own = createRegion(native, RING_BYTES);
    const fields = new Float64Array(5);
    native.inspect(own.fd, fields);
    expect(fields[0]! & 0o777).toBe(0o600);
    expect(fields[4]! & REGION_SEALS).toBe(REGION_SEALS);
    const theirs = importRegion(native, own.fd, RING_BYTES);
    Atomics.store(own.words, REGION_OFFSET.OUT_TAIL / 4, 12);
    expect(Atomics.load(theirs.words, REGION_OFFSET.OUT_TAIL / 4)).toBe(12);
    native.revoke(own.mapping);
    native.revoke(theirs.mapping);
  });

  it('throws RangeError for a size that no ring can have', () => {
    for (const bytes of [0, 1, 5000, 2 ** 30]) {
      expect(() => createRegion(native, bytes)).toThrow(RangeError);
    }
  });
});

describe('importRegion()', () => {
  it('accepts a forged region that is right in everything: the table below can fail', () => {
    const fd = sealed(forgedRegion());
    const region = importRegion(native, fd, RING_BYTES);
    expect(isOpen(fd)).toBe(false);
    native.revoke(region.mapping);
  });

  it('accepts more seals than it asks for', () => {
    const region = importRegion(
      native,
      sealed(forgedRegion(), REGION_SEALS | SEAL.WRITE),
      RING_BYTES,
    );
    native.revoke(region.mapping);
  });

  it('refuses a memfd without seals', () => {
    expectRefused(forgedRegion());
  });

  it.each(Object.entries(SEAL).filter(([, seal]) => (REGION_SEALS & seal) !== 0))(
    'refuses a memfd that lacks the seal %s',
    (_, seal) => {
      expectRefused(sealed(forgedRegion(), REGION_SEALS & ~seal));
    },
  );

  it('refuses a memfd whose pages are not allocated', () => {
    expectRefused(sealed(sparseMemfd(native, REGION_BYTES)));
  });

  it('refuses a memfd with one page missing', () => {
    const fd = forgedRegion(REGION_BYTES - 4096);
    ftruncateSync(fd, REGION_BYTES);
    expectRefused(sealed(fd));
  });

  it.each([0, 1, REGION_BYTES - 1, REGION_BYTES + 1, REGION_BYTES / 2, REGION_BYTES * 2])(
    'refuses a memfd of %i bytes',
    (bytes) => expectRefused(sealed(forgedRegion(bytes))),
  );

  it.each([0, 1, 4095, 8192, 5000, 2 ** 31, 2 ** 32 - 1])(
    'refuses a ring of %i bytes that the memfd does not have',
    (ringBytes) => expectRefused(sealed(forgedRegion()), ringBytes),
  );

  it.each([
    ['magic', { [REGION_OFFSET.MAGIC]: 1 }],
    ['layout hash', { [REGION_OFFSET.LAYOUT_HASH]: LAYOUT_HASH + 1 }],
    ['ring size', { [REGION_OFFSET.RING_BYTES]: RING_BYTES * 2 }],
  ])('refuses a header with another %s', (_, header) => {
    expectRefused(sealed(forgedRegion(REGION_BYTES, header)));
  });

  it('refuses an ordinary file of the right size', () => {
    const path = join(folder, 'file');
    writeFileSync(path, new Uint8Array(REGION_BYTES));
    expectRefused(openSync(path, 'r+'));
  });

  it('refuses a file in /dev/shm, which is tmpfs but nobody can seal', () => {
    const path = `/dev/shm/pc-region-${process.pid}`;
    writeFileSync(path, new Uint8Array(REGION_BYTES));
    const fd = openSync(path, 'r+');
    rmSync(path);
    expectRefused(fd);
  });

  it('refuses a directory', () => {
    expectRefused(openSync(folder, 'r'));
    expectRefused(openSync('/dev/shm', 'r'));
  });

  it('refuses a device', () => {
    expectRefused(openSync('/dev/zero', 'r+'));
  });

  it('refuses a socket', () => {
    const stream = connectedStream(native);
    expectRefused(stream.near);
    stream.close();
  });

  it('refuses a pipe', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    expectRefused(openSync(path, 'r+'));
  });

  it('refuses a pidfd', () => {
    const stream = connectedStream(native);
    expectRefused(native.peerPidfd(stream.near));
    stream.close();
  });

  it('refuses a descriptor that is not open', () => {
    expect(codeOf(() => importRegion(native, 99999, RING_BYTES))).toBe('PROTOCOL_ERROR');
  });

  it('refuses a memfd of huge pages', async ({ skip }) => {
    const path = join(folder, 'huge');
    const listener = native.listen(path, 0o600, 4);
    const peer = startPeer(buildPeer(folder), path, 'hugetlb');
    const ended = new Promise<number | null>((resolve) => peer.once('close', resolve));
    const bytes = new Uint8Array(1);
    const descriptors = new Int32Array(2);
    let fd = -1;
    let count = -11;
    await waitUntil('the peer', () => {
      if (fd < 0) fd = native.accept(listener);
      if (fd >= 0 && count === -11) count = native.receive(fd, bytes, descriptors);
      return count >= 0;
    });
    peer.kill('SIGKILL');
    await ended;
    native.close(fd);
    native.close(listener);
    if (descriptors[0] === 0) skip('the kernel makes no memfds of huge pages here');
    expectRefused(descriptors[1]!);
  });
});
