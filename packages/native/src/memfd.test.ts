import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { runNode } from '../test/support/node-process.js';
import { SEAL, TMPFS_MAGIC } from './binding.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
const ALL = SEAL.SEAL | SEAL.SHRINK | SEAL.GROW | SEAL.FUTURE_WRITE;
let base: string[] = [];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-memfd-'));
  base = openDescriptors();
});
afterAll(async () => {
  await expectDescriptors(base);
  rmSync(folder, { recursive: true });
});

/** What `inspect` says of a descriptor. */
function inspected(fd: number) {
  const fields = new Float64Array(5);
  expect(native.inspect(fd, fields)).toBe(0);
  const [mode, size, allocated, magic, seals] = fields;
  return { mode, size, allocated, magic, seals };
}

function withMemfd(bytes: number, use: (fd: number) => void): void {
  const fd = native.memfdCreate('test', bytes);
  expect(fd).toBeGreaterThan(2);
  try {
    use(fd);
  } finally {
    expect(native.close(fd)).toBe(0);
  }
}

describe('memfdCreate()', () => {
  it.each([1, 4096, 8192, 1024 * 1024])('allocates all of %i bytes', (bytes) => {
    withMemfd(bytes, (fd) => {
      const { size, allocated, magic } = inspected(fd);
      expect(size).toBe(bytes);
      expect(allocated).toBeGreaterThanOrEqual(bytes);
      expect(magic).toBe(TMPFS_MAGIC);
    });
  });

  it('makes an empty one', () => {
    withMemfd(0, (fd) => expect(inspected(fd)).toMatchObject({ size: 0, allocated: 0 }));
  });

  it('makes a regular file of mode 600', () => {
    withMemfd(4096, (fd) => expect(inspected(fd).mode).toBe(0o100600));
  });

  it('makes one that nobody can execute, where the kernel knows that', () => {
    withMemfd(0, (fd) => {
      const { seals } = inspected(fd);
      // F_SEAL_EXEC (32) comes with MFD_NOEXEC_SEAL since Linux 6.3.
      expect([0, 32]).toContain(seals);
    });
  });

  it('returns the errno when the kernel refuses, and keeps no descriptor', async () => {
    // A limit on the size of files, not on memory: asking for too much memory ends other processes.
    const program = `
      const open = () => fs.readdirSync('/proc/self/fd').length;
      const before = open();
      console.log(binding.memfdCreate('big', 1024 * 1024), open() - before);
    `;
    const { output } = await runNode(program, { limitFileBlocks: 16 });
    expect(output.trim()).toBe('-27 0'); // EFBIG
  });
});

describe('addSeals()', () => {
  it('adds each seal once for ever', () => {
    withMemfd(4096, (fd) => {
      expect(native.addSeals(fd, SEAL.GROW)).toBe(0);
      expect(native.addSeals(fd, ALL)).toBe(0);
      expect(inspected(fd).seals! & 31).toBe(ALL);
      expect(errnoName(native.addSeals(fd, SEAL.WRITE))).toBe('EPERM');
    });
  });

  it('keeps the size from being changed', () => {
    withMemfd(4096, (fd) => {
      native.addSeals(fd, ALL);
      expect(() => ftruncateSync(fd, 100)).toThrow(/EPERM/);
      expect(() => ftruncateSync(fd, 8192)).toThrow(/EPERM/);
    });
  });

  it('keeps it from being written by anybody else', () => {
    withMemfd(4096, (fd) => {
      native.addSeals(fd, ALL);
      expect(errnoName(native.writeAt(fd, new Uint8Array(4), 0, 4, 0))).toBe('EPERM');
      expect(errnoName(native.map(fd, 4096, 1) as number)).toBe('EPERM');
      expect(native.map(fd, 4096, 0)).toBeInstanceOf(ArrayBuffer);
    });
  });

  it('refuses a write seal while a writable map exists', () => {
    withMemfd(4096, (fd) => {
      const mapping = native.map(fd, 4096, 1);
      expect(errnoName(native.addSeals(fd, SEAL.WRITE))).toBe('EBUSY');
      if (typeof mapping !== 'number') native.revoke(mapping);
      expect(native.addSeals(fd, SEAL.WRITE)).toBe(0);
    });
  });

  it('returns EINVAL for what is no memfd', () => {
    const fd = openSync(join(folder, 'file'), 'w+');
    expect(errnoName(native.addSeals(fd, ALL))).toBe('EINVAL');
    closeSync(fd);
  });
});

describe('inspect()', () => {
  it('says −1 for the seals of what has none', () => {
    const fd = openSync(join(folder, 'plain'), 'w+');
    ftruncateSync(fd, 5000);
    expect(inspected(fd)).toMatchObject({ size: 5000, allocated: 0, seals: -1 });
    closeSync(fd);
  });

  it('sees what is not allocated', () => {
    withMemfd(0, (fd) => {
      ftruncateSync(fd, 1024 * 1024);
      expect(inspected(fd)).toMatchObject({ size: 1024 * 1024, allocated: 0 });
    });
  });

  it('returns EBADF for a closed descriptor', () => {
    expect(errnoName(native.inspect(99999, new Float64Array(5)))).toBe('EBADF');
  });

  it('throws RangeError for an array that is too short', () => {
    expect(() => native.inspect(0, new Float64Array(4))).toThrow(RangeError);
  });
});

describe('readAt() and writeAt()', () => {
  it('move bytes between a memfd and an array', () => {
    withMemfd(100, (fd) => {
      expect(native.writeAt(fd, Uint8Array.of(9, 1, 2, 3), 1, 3, 50)).toBe(3);
      const bytes = new Uint8Array(8);
      expect(native.readAt(fd, bytes, 2, 4, 49)).toBe(4);
      expect([...bytes]).toEqual([0, 0, 0, 1, 2, 3, 0, 0]);
    });
  });

  it('return what there is before the end, and 0 behind it', () => {
    withMemfd(10, (fd) => {
      expect(native.readAt(fd, new Uint8Array(100), 0, 100, 4)).toBe(6);
      expect(native.readAt(fd, new Uint8Array(100), 0, 100, 10)).toBe(0);
    });
  });

  it('throw RangeError for a range outside the array', () => {
    withMemfd(10, (fd) => {
      for (const [offset, length] of [
        [0, 9],
        [9, 0],
        [8, 1],
        [1, 2 ** 53 - 1],
      ] as const) {
        expect(() => native.readAt(fd, new Uint8Array(8), offset, length, 0)).toThrow(RangeError);
        expect(() => native.writeAt(fd, new Uint8Array(8), offset, length, 0)).toThrow(RangeError);
      }
      expect(native.readAt(fd, new Uint8Array(8), 8, 0, 0)).toBe(0);
    });
  });
});
