import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { SEAL, type Mapping } from './binding.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
let base: string[] = [];

beforeAll(() => (base = openDescriptors()));
afterAll(() => expectDescriptors(base));

/** Maps of memfds with this name that the process has. */
function mapsOf(name: string): number {
  const lines = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return lines.filter((line) => line.includes(`memfd:${name}`)).length;
}

/** Memory that this process has in use now. */
function residentBytes(): number {
  const [, pages] = readFileSync('/proc/self/statm', 'latin1').split(' ').map(Number);
  return (pages ?? 0) * 4096;
}

function mapped(fd: number, bytes: number, writable: 0 | 1): Mapping {
  const mapping = native.map(fd, bytes, writable);
  if (typeof mapping === 'number') throw new Error(errnoName(mapping));
  return mapping;
}

describe('map()', () => {
  it('shows the same pages to both maps', () => {
    const fd = native.memfdCreate('map-both', 8192);
    const ours = new Uint8Array(mapped(fd, 8192, 1));
    const theirs = new Uint8Array(mapped(fd, 8192, 0));
    native.close(fd);
    ours[8191] = 77;
    expect(theirs[8191]).toBe(77);
    expect(theirs.length).toBe(8192);
  });

  it('outlives its descriptor and works with Atomics', () => {
    const fd = native.memfdCreate('map-atomics', 4096);
    const words = new Int32Array(mapped(fd, 4096, 1));
    native.close(fd);
    expect(Atomics.add(words, 5, 3)).toBe(0);
    expect(Atomics.load(words, 5)).toBe(3);
  });

  it('keeps writing through a map that was made before the seal', () => {
    const fd = native.memfdCreate('map-sealed', 4096);
    const ours = new Uint8Array(mapped(fd, 4096, 1));
    expect(native.addSeals(fd, SEAL.FUTURE_WRITE)).toBe(0);
    const theirs = new Uint8Array(mapped(fd, 4096, 0));
    native.close(fd);
    ours[0] = 5;
    expect(theirs[0]).toBe(5);
  });

  it.each([
    ['length 0', 0, 'EINVAL'],
    ['a length beyond the address space', 2 ** 52, 'ENOMEM'],
  ])('returns the errno for %s', (_, bytes, code) => {
    const fd = native.memfdCreate('map-bad', 4096);
    expect(errnoName(native.map(fd, bytes, 0) as number)).toBe(code);
    native.close(fd);
  });

  it('returns EBADF for a closed descriptor', () => {
    expect(errnoName(native.map(99999, 4096, 0) as number)).toBe('EBADF');
  });
});

describe('map() in private', () => {
  it('shows a file that nobody can write any more, and keeps writes to itself', () => {
    const fd = native.memfdCreate('map-private', 8192);
    expect(native.writeAt(fd, Uint8Array.of(5, 6), 0, 2, 0)).toBe(2);
    expect(native.addSeals(fd, SEAL.WRITE)).toBe(0);
    const ours = new Uint8Array(native.map(fd, 8192, 2) as ArrayBuffer);
    const others = new Uint8Array(native.map(fd, 8192, 2) as ArrayBuffer);
    expect(errnoName(native.map(fd, 8192, 1) as number)).toBe('EPERM');
    native.close(fd);
    ours[0] = 77;
    expect([ours[0], ours[1], others[0]]).toEqual([77, 6, 5]);
    expect(native.revoke(ours.buffer as ArrayBuffer)).toBe(0);
    expect([ours[0], ours[1], others[0]]).toEqual([0, 0, 5]);
  });
});

describe('revoke()', () => {
  it('leaves zeros, and writes reach nobody', () => {
    const fd = native.memfdCreate('revoke-zeros', 4096);
    const ours = mapped(fd, 4096, 1);
    const theirs = mapped(fd, 4096, 0);
    native.close(fd);
    new Uint8Array(ours).fill(9);
    expect(native.revoke(theirs)).toBe(0);
    expect(new Uint8Array(theirs).every((byte) => byte === 0)).toBe(true);
    new Uint8Array(theirs)[0] = 1; // Read-only before; private now, so that no stray write crashes.
    expect(new Uint8Array(ours)[0]).toBe(9);
    native.revoke(ours);
  });

  it('gives the shared memory back at once', () => {
    const fd = native.memfdCreate('revoke-gone', 1024 * 1024);
    const mapping = mapped(fd, 1024 * 1024, 1);
    native.close(fd);
    expect(mapsOf('revoke-gone')).toBe(1);
    native.revoke(mapping);
    expect(mapsOf('revoke-gone')).toBe(0);
    expect(mapping.byteLength).toBe(1024 * 1024);
  });

  it('may be called twice', () => {
    const fd = native.memfdCreate('revoke-twice', 4096);
    const mapping = mapped(fd, 4096, 1);
    native.close(fd);
    expect(native.revoke(mapping)).toBe(0);
    expect(native.revoke(mapping)).toBe(0);
  });

  it('throws TypeError for memory that map() did not make', () => {
    for (const other of [new ArrayBuffer(8), new Uint8Array(8), {}, null, 5, undefined]) {
      expect(() => native.revoke(other as never)).toThrow(TypeError);
    }
  });
});

describe('allocate()', () => {
  it.each([1, 4096, 512 * 1024, 3 * 1024 * 1024 + 17])('gives %i zeros to write to', (bytes) => {
    const memory = new Uint8Array(native.allocate(bytes) as ArrayBuffer);
    expect(memory.length).toBe(bytes);
    expect(memory.every((byte) => byte === 0)).toBe(true);
    memory.fill(7);
    expect(memory.every((byte) => byte === 7)).toBe(true);
  });

  it.each([
    ['length 0', 0, 'EINVAL'],
    ['a length beyond the address space', 2 ** 52, 'ENOMEM'],
  ])('returns the errno for %s', (_, bytes, code) => {
    expect(errnoName(native.allocate(bytes) as number)).toBe(code);
  });

  it('gives back what was collected: 1 000 times 16 MiB stay in bounds', async () => {
    const before = residentBytes();
    let most = 0;
    for (let round = 0; round < 1000; round++) {
      const memory = new Uint8Array(native.allocate(16 * 1024 * 1024) as ArrayBuffer);
      memory[round] = 1;
      memory[memory.length - 1] = 1;
      // Memory is given back from the event loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
      most = Math.max(most, residentBytes());
    }
    // Each touches two huge pages, if there are such, and all 1 000 would take 4 GiB.
    expect(most - before).toBeLessThan(512 * 1024 * 1024);
  }, 60_000);

  it('is given back by revoke() at once, all of it', () => {
    const before = residentBytes();
    const memory = native.allocate(17 * 1024 * 1024) as ArrayBuffer;
    new Uint8Array(memory).fill(9);
    expect(residentBytes() - before).toBeGreaterThan(16 * 1024 * 1024);
    expect(native.revoke(memory)).toBe(0);
    expect(residentBytes() - before).toBeLessThan(4 * 1024 * 1024);
    expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true);
  });
});
