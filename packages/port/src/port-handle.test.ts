import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { loadNative } from '@portcall/native';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { PortHandle, handleTypeOf, handlesToSend } from './port-handle.js';

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'pc-handle-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function openFile(content = ''): number {
  const path = join(folder, randomBytes(8).toString('hex'));
  writeFileSync(path, content);
  return openSync(path, 'r+');
}

function openFifo(): number {
  const path = join(folder, randomBytes(8).toString('hex'));
  execFileSync('mkfifo', [path]);
  return openSync(path, 'r+');
}

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false;
  }
}

function descriptorCount(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Descriptors of this process that are sockets, by what the kernel shows. */
function socketDescriptors(): number[] {
  const all = readdirSync('/proc/self/fd').map(Number);
  return all.filter((fd) => isOpen(fd) && fstatSync(fd).isSocket());
}

function withOpen<T>(descriptor: number, use: (descriptor: number) => T): T {
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const native = loadNative();
const skipped = native.reason === undefined ? '' : ` (skipped: ${native.reason})`;

describe('handleTypeOf()', () => {
  it('knows a file, a directory and a fifo', () => {
    expect(withOpen(openFile(), handleTypeOf)).toBe('file');
    expect(withOpen(openSync(folder, 'r'), handleTypeOf)).toBe('directory');
    expect(withOpen(openFifo(), handleTypeOf)).toBe('pipe');
  });

  it('knows a file that has no name any more, or a strange one', () => {
    const path = join(folder, 'memfd:x');
    writeFileSync(path, '');
    const fd = openSync(path, 'r');
    expect(handleTypeOf(fd)).toBe('file');
    unlinkSync(path);
    expect(withOpen(fd, handleTypeOf)).toBe('file');
  });

  it('knows a socket that listens, and one that is connected', async () => {
    const before = socketDescriptors();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
    const client = connect(join(folder, 's'));
    await new Promise((resolve) => server.once('connection', resolve));
    const added = socketDescriptors().filter((fd) => !before.includes(fd));
    expect(added).toHaveLength(3);
    expect(added.map(handleTypeOf)).toEqual(['socket', 'socket', 'socket']);
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it.skipIf(native.binding === undefined)(`knows memory${skipped}`, () => {
    const fd = native.binding!.memfdCreate('test', 4096);
    native.binding!.disown(fd);
    expect(withOpen(fd, handleTypeOf)).toBe('memory');
  });

  it.each(['/dev/null', '/dev/zero'])('knows no type of %s', (path) => {
    expect(withOpen(openSync(path, 'r'), handleTypeOf)).toBeUndefined();
  });

  it('throws the error of the system for what is not open', () => {
    const fd = openFile();
    closeSync(fd);
    expect(() => handleTypeOf(fd)).toThrow('EBADF');
  });
});

describe('handlesToSend()', () => {
  it('takes descriptors and what has one', () => {
    withOpen(openFile(), (fd) => {
      expect(handlesToSend([fd, { fd }], ['file'], 'test')).toEqual([fd, fd]);
    });
    expect(handlesToSend([], [], 'test')).toEqual([]);
  });

  it('throws ACCESS_DENIED for a type that was not agreed on, or that never travels', () => {
    withOpen(openFile(), (fd) => {
      expect(codeOf(() => handlesToSend([fd], [], 'test'))).toBe('ACCESS_DENIED');
      expect(codeOf(() => handlesToSend([fd], ['directory'], 'test'))).toBe('ACCESS_DENIED');
    });
    withOpen(openSync('/dev/null', 'r'), (fd) => {
      const all = ['file', 'directory', 'pipe', 'memory', 'socket'] as const;
      expect(codeOf(() => handlesToSend([fd], all, 'test'))).toBe('ACCESS_DENIED');
    });
  });
});

describe('PortHandle', () => {
  it('closes its descriptor, once', () => {
    const fd = openFile();
    const handle = new PortHandle('file', fd);
    expect(handle.isOpen).toBe(true);
    handle.close();
    expect([handle.isOpen, isOpen(fd)]).toEqual([false, false]);
    // The number may be another's by now: it must not be closed again.
    const next = openFile();
    handle.close();
    handle[Symbol.dispose]();
    expect(isOpen(next)).toBe(true);
    closeSync(next);
  });

  it('leaves a descriptor that was claimed to whoever claimed it', () => {
    const fd = openFile();
    const handle = new PortHandle('file', fd);
    expect(handle.claim()).toBe(fd);
    expect(handle.isOpen).toBe(false);
    handle.close();
    expect(isOpen(fd)).toBe(true);
    closeSync(fd);
  });

  it('can be claimed once, and not when it is closed', () => {
    const first = new PortHandle('file', openFile());
    closeSync(first.claim());
    expect(() => first.claim()).toThrow('claimed or closed already');
    const second = new PortHandle('file', openFile());
    second.close();
    for (const take of ['claim', 'toReadStream', 'toWriteStream', 'toSocket'] as const) {
      expect(() => second[take]()).toThrow('claimed or closed already');
    }
  });

  it('becomes streams that close it at their end', async () => {
    const before = descriptorCount();
    const reading = new PortHandle('file', openFile('abc'));
    expect(await text(reading.toReadStream())).toBe('abc');
    const path = join(folder, 'written');
    const writing = new PortHandle('file', openSync(path, 'w'));
    const stream = writing.toWriteStream();
    await new Promise((resolve) => stream.end('def', () => resolve(undefined)));
    if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', resolve));
    expect(readFileSync(path, 'latin1')).toBe('def');
    expect([reading.isOpen, writing.isOpen]).toEqual([false, false]);
    expect(descriptorCount()).toBe(before);
  });

  it('becomes a socket', async () => {
    const before = descriptorCount();
    const handle = new PortHandle('pipe', openFifo());
    const socket = handle.toSocket();
    const received = new Promise<string>((resolve) => {
      socket.once('data', (bytes) => resolve(bytes.toString('latin1')));
    });
    socket.write('ghi');
    expect(await received).toBe('ghi');
    await new Promise<void>((resolve) => socket.once('close', () => resolve()).destroy());
    expect(descriptorCount()).toBe(before);
  });
});
