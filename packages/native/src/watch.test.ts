import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ADDON_FILE, nativeBinding, secondBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { runNode } from '../test/support/node-process.js';
import { waitUntil } from '../test/support/wait-until.js';
import { WATCH_EVENT, type NativeBinding, type Watch } from './binding.js';
import { errnoName } from './system-error.js';

/** Threads are slow to begin and to end where a sanitizer looks on. */
const THREAD_ROUNDS = process.env['PORTCALL_SANITIZED'] === undefined ? 50 : 6;

const native = nativeBinding();
let folder = '';
let base: string[] = [];
let listener = -1;
let client = -1;
let server = -1;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-watch-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  base = openDescriptors();
  const path = join(folder, 's');
  listener = native.listen(path, 0o600, 8);
  client = native.connect(path, 0);
  server = native.accept(listener);
});
afterEach(async () => {
  for (const fd of [listener, client, server]) native.close(fd);
  rmSync(join(folder, 's'));
  await expectDescriptors(base);
});

function opened(
  fd: number,
  callback: (status: number, events: number) => void,
  binding: NativeBinding = native,
): Watch {
  const watch = binding.watchOpen(fd, callback);
  if (typeof watch === 'number') throw new Error(errnoName(watch));
  return watch;
}

function receiveAll(fd: number): number {
  return native.receive(fd, new Uint8Array(100), new Int32Array(1));
}

describe('watchStart()', () => {
  it('calls back when there is something to read, and as long as there is', async () => {
    const seen: number[][] = [];
    const watch = opened(server, (...args) => seen.push(args));
    native.watchStart(watch, WATCH_EVENT.READABLE);
    await nextTurn();
    expect(seen).toEqual([]);
    native.ringDoorbell(client);
    await waitUntil('two events', () => seen.length >= 2);
    expect(seen[0]).toEqual([0, WATCH_EVENT.READABLE]);
    receiveAll(server);
    const count = seen.length;
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(seen.length).toBeLessThanOrEqual(count + 1);
    native.watchClose(watch);
  });

  it('calls back when there is room to write', async () => {
    const seen: number[] = [];
    const watch = opened(server, (_, events) => seen.push(events));
    native.watchStart(watch, WATCH_EVENT.WRITABLE);
    await waitUntil('an event', () => seen.length > 0);
    expect(seen[0]).toBe(WATCH_EVENT.WRITABLE);
    native.watchClose(watch);
  });

  it('calls back when the peer hangs up', async () => {
    const seen: number[] = [];
    const watch = opened(server, (_, events) => seen.push(events));
    native.watchStart(watch, WATCH_EVENT.DISCONNECT | WATCH_EVENT.READABLE);
    native.close(client);
    client = native.memfdCreate('place', 0); // So that afterEach closes something of ours.
    await waitUntil('an event', () => seen.length > 0);
    expect(seen[0]! & WATCH_EVENT.DISCONNECT).not.toBe(0);
    native.watchClose(watch);
  });

  it('watches for nothing with 0', async () => {
    let calls = 0;
    const watch = opened(server, () => calls++);
    native.watchStart(watch, WATCH_EVENT.READABLE);
    native.watchStart(watch, 0);
    native.ringDoorbell(client);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(calls).toBe(0);
    native.watchStart(watch, WATCH_EVENT.READABLE);
    await waitUntil('an event', () => calls > 0);
    native.watchClose(watch);
  });

  it('returns EBADF after watchClose()', () => {
    const watch = opened(server, () => undefined);
    native.watchClose(watch);
    expect(errnoName(native.watchStart(watch, WATCH_EVENT.READABLE))).toBe('EBADF');
    expect(native.watchRef(watch, 1)).toBe(0);
  });
});

describe('watchOpen()', () => {
  it('returns the errno for what cannot be watched', () => {
    const file = openSync(join(folder, 'file'), 'w+');
    expect(errnoName(native.watchOpen(file, () => undefined) as number)).toBe('EPERM');
    closeSync(file);
    expect(errnoName(native.watchOpen(99999, () => undefined) as number)).toBe('EBADF');
  });

  it('returns an error for a descriptor that is watched already', () => {
    const watch = opened(server, () => undefined);
    native.watchStart(watch, WATCH_EVENT.READABLE);
    expect(errnoName(native.watchOpen(server, () => undefined) as number)).toBe('EEXIST');
    native.watchClose(watch);
  });
});

describe('watchClose()', () => {
  it('may be called inside the callback, with the descriptor closed right after', async () => {
    let calls = 0;
    const watch = opened(server, () => {
      calls++;
      native.watchClose(watch);
      native.close(server);
      server = native.memfdCreate('place', 0);
    });
    native.watchStart(watch, WATCH_EVENT.READABLE);
    native.ringDoorbell(client);
    await waitUntil('the event', () => calls > 0);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(calls).toBe(1);
  });

  it('may be called twice', () => {
    const watch = opened(server, () => undefined);
    expect(native.watchClose(watch)).toBe(0);
    expect(native.watchClose(watch)).toBe(0);
  });

  it('keeps back an event that has happened already', async () => {
    let calls = 0;
    const watch = opened(server, () => calls++);
    native.watchStart(watch, WATCH_EVENT.READABLE);
    native.ringDoorbell(client);
    native.watchClose(watch);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(calls).toBe(0);
  });

  it('frees the descriptor for another watch at once', async () => {
    for (let round = 0; round < 20; round++) {
      let calls = 0;
      const watch = opened(server, () => {
        calls++;
        receiveAll(server);
      });
      native.watchStart(watch, WATCH_EVENT.READABLE);
      native.ringDoorbell(client);
      await waitUntil('the event', () => calls > 0);
      native.watchClose(watch);
    }
  });

  it.each(['watchStart', 'watchRef', 'watchClose'] as const)('%s throws for no watch', (name) => {
    for (const other of [{}, 5, null, undefined, () => 1]) {
      expect(() => native[name](other as never, 0 as never)).toThrow(TypeError);
    }
  });
});

describe('a callback that throws', () => {
  it('becomes an uncaughtException, and the watch goes on', async () => {
    const program = `
      const path = process.argv[1];
      const listener = binding.listen(path, 0o600, 8);
      const client = binding.connect(path, 0), server = binding.accept(listener);
      let calls = 0;
      process.on('uncaughtException', (error) => console.log('caught ' + error.message));
      const watch = binding.watchOpen(server, () => {
        if (++calls === 2) binding.watchClose(watch);
        throw new Error('call ' + calls);
      });
      binding.watchStart(watch, 1);
      binding.ringDoorbell(client);
      process.on('exit', () => console.log('exit'));
    `;
    const { code, output } = await runNode(program, { args: [join(folder, 'throws')] });
    expect(output.trim().split('\n')).toEqual(['caught call 1', 'caught call 2', 'exit']);
    expect(code).toBe(0);
  });

  it('ends a process that does not catch it', async () => {
    const program = `
      const listener = binding.listen(process.argv[1], 0o600, 8);
      binding.connect(process.argv[1], 0);
      const watch = binding.watchOpen(listener, () => { throw new Error('planted'); });
      binding.watchStart(watch, 1);
    `;
    const { code, output } = await runNode(program, { args: [join(folder, 'ends')] });
    expect(output).toContain('planted');
    expect(code).toBe(1);
  });
});

describe('watchRef()', () => {
  it('decides whether the watch keeps the process alive', async () => {
    const program = `
      const listener = binding.listen(process.argv[1], 0o600, 8);
      const watch = binding.watchOpen(listener, () => undefined);
      binding.watchStart(watch, 1);
      binding.watchRef(watch, 0);
      globalThis.kept = watch;
    `;
    expect((await runNode(program, { args: [join(folder, 'unref')] })).code).toBe(0);
  });
});

describe('a worker thread', () => {
  const worker = `
    const { parentPort, workerData } = require('node:worker_threads');
    const binding = require(workerData.addon);
    const watch = binding.watchOpen(workerData.fd, (status, events) => {
      binding.receive(workerData.fd, new Uint8Array(10), new Int32Array(1));
      parentPort.postMessage([status, events]);
    });
    binding.watchStart(watch, 1);
    parentPort.postMessage('ready');
    parentPort.on('message', () => { binding.watchClose(watch); parentPort.close(); });
  `;

  it('has watches of its own', async () => {
    const thread = new Worker(worker, {
      eval: true,
      workerData: { addon: ADDON_FILE, fd: server },
    });
    const messages: unknown[] = [];
    thread.on('message', (message) => messages.push(message));
    await waitUntil('the thread', () => messages.length === 1);
    native.ringDoorbell(client);
    await waitUntil('the event', () => messages.length === 2);
    expect(messages[1]).toEqual([0, WATCH_EVENT.READABLE]);
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    thread.postMessage('end');
    expect(await ended).toBe(0);
  });

  it('may be terminated with open watches, again and again', async () => {
    const program = `
      const path = process.argv[1];
      const listener = binding.listen(path, 0o600, 8);
      const code = process.argv[3];
      for (let round = 0; round < ${THREAD_ROUNDS}; round++) {
        const client = binding.connect(path, 0), server = binding.accept(listener);
        const thread = new threads.Worker(code, {
          eval: true, execArgv: [], workerData: { addon: process.argv[2], fd: server },
        });
        await new Promise((resolve) => thread.once('message', resolve));
        if (round % 2) binding.ringDoorbell(client);
        await thread.terminate();
        binding.close(client);
        binding.close(server);
      }
      console.log('done', fs.readdirSync('/proc/self/fd').length < 60);
    `;
    const args = [join(folder, 'terminate'), ADDON_FILE, worker];
    const { code, signal, output } = await runNode(program, { args });
    expect(output.trim()).toBe('done true');
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });
});

describe('the end of a process with open watches', () => {
  it.each(['process.exit(0)', 'undefined'])('is in good order: %s', async (how) => {
    const program = `
      const listener = binding.listen(process.argv[1], 0o600, 8);
      for (let index = 0; index < 20; index++) {
        const fd = binding.connect(process.argv[1], 0);
        if (fd < 0) break;
        const watch = binding.watchOpen(fd, () => undefined);
        binding.watchStart(watch, 3);
        binding.watchRef(watch, 0);
        if (index % 2) binding.watchClose(watch);
      }
      ${how};
    `;
    const path = join(folder, `exit-${how.length}`);
    const { code, signal, output } = await runNode(program, { args: [path] });
    expect({ code, signal, output }).toEqual({ code: 0, signal: null, output: '' });
  });

  it('is in good order when the handles were collected', async () => {
    const program = `
      const listener = binding.listen(process.argv[1], 0o600, 100);
      let calls = 0;
      for (let index = 0; index < 50; index++) {
        const fd = binding.connect(process.argv[1], 0);
        binding.watchRef(binding.watchOpen(fd, () => calls++), 0);
      }
      gc();
      await new Promise((resolve) => setTimeout(resolve, 20));
      gc();
      console.log('calls', calls);
    `;
    const { code, output } = await runNode(
      `
      import v8 from 'node:v8';
      import vm from 'node:vm';
      v8.setFlagsFromString('--expose-gc');
      const gc = vm.runInNewContext('gc');
      ${program}
    `,
      { args: [join(folder, 'collected')] },
    );
    expect(output.trim()).toBe('calls 0');
    expect(code).toBe(0);
  });
});

describe('the addon loaded twice', () => {
  it('has watches and mappings that work side by side', async () => {
    const second = secondBinding(folder);
    expect(second).not.toBe(native);
    let calls = 0;
    const watch = opened(server, () => calls++, second);
    second.watchStart(watch, WATCH_EVENT.READABLE);
    native.ringDoorbell(client);
    await waitUntil('the event', () => calls > 0);
    second.watchClose(watch);
    const fd = native.memfdCreate('both', 4096);
    const mapping = second.map(fd, 4096, 1);
    native.close(fd);
    expect(second.revoke(mapping as ArrayBuffer)).toBe(0);
  });
});
