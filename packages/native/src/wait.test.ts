import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { NATIVE_ENTRY, nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { runNode } from '../test/support/node-process.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
let folder = '';
let base: string[] = [];
let client = -1;
let server = -1;

beforeEach(() => {
  base = openDescriptors();
  folder = mkdtempSync(join(tmpdir(), 'pc-wait-'));
  const listener = native.listen(join(folder, 's'), 0o600, 8);
  client = native.connect(join(folder, 's'), 0);
  server = native.accept(listener);
  native.close(listener);
});
afterEach(async () => {
  for (const fd of [client, server]) native.close(fd);
  rmSync(folder, { recursive: true });
  await expectDescriptors(base);
});

describe('wait()', () => {
  it('returns 0 when the time is over, not before', () => {
    const startedAt = performance.now();
    expect(native.wait(client, 1, -1, 30)).toBe(0);
    expect(performance.now() - startedAt).toBeGreaterThan(28);
    expect(native.wait(client, 1, -1, 0)).toBe(0);
  });

  it('never waits for ever', () => {
    expect(native.wait(client, 1, -1, -1)).toBe(0);
  });

  it('returns 1 at once when there is something to read, or the peer hung up', () => {
    native.ringDoorbell(server);
    expect(native.wait(client, 1, -1, 20_000)).toBe(1);
    native.receive(client, new Uint8Array(8), new Int32Array(1));
    expect(native.wait(client, 1, -1, 0)).toBe(0);
    native.shutdown(server);
    expect(native.wait(client, 1, -1, 20_000)).toBe(1);
  });

  it('waits for room only when asked to', () => {
    expect(native.wait(client, 2, -1, 20_000)).toBe(1);
    while (native.ringDoorbell(client) === 1);
    expect(native.wait(client, 2, -1, 0)).toBe(0);
  });

  it('returns 2 when the process has ended', async () => {
    const child = spawn('sleep', ['60']);
    const pidfd = native.pidfdOpen(child.pid!);
    expect(native.wait(client, 1, pidfd, 0)).toBe(0);
    child.kill('SIGKILL');
    expect(native.wait(client, 1, pidfd, 20_000)).toBe(2);
    native.ringDoorbell(server);
    expect(native.wait(client, 1, pidfd, 0)).toBe(3);
    await once(child, 'close');
    native.close(pidfd);
  });

  it('returns EBADF for what is not open', () => {
    expect(errnoName(native.wait(99999, 1, -1, 0))).toBe('EBADF');
    expect(errnoName(native.wait(client, 1, 99999, 0))).toBe('EBADF');
  });

  it('goes on waiting when a signal comes', async () => {
    // A handler makes poll(2) fail with EINTR; the worker sends while the main thread blocks.
    const { output } = await runNode(`
      const signalled = new Promise((resolve) => process.once('SIGUSR2', resolve));
      const worker = new threads.Worker(
        'setTimeout(() => process.kill(process.pid, "SIGUSR2"), 30)', { eval: true });
      await new Promise((resolve) => worker.once('online', resolve));
      const listener = binding.listen('\\0portcall-wait-' + process.pid, 0, 1);
      const startedAt = performance.now();
      console.log('waited ' + binding.wait(listener, 1, -1, 300));
      console.log(performance.now() - startedAt > 290 ? 'in full' : 'too short');
      // A signal's handler alone is no reason to stay.
      const alive = setTimeout(() => undefined, 5000);
      await signalled;
      clearTimeout(alive);
      console.log('signal');
    `);
    expect(output).toBe('waited 0\nin full\nsignal\n');
  });
});

describe('adopt()', () => {
  it('has a descriptor closed with the environment that took it in', async () => {
    const { output } = await runNode(
      `
      const fd = binding.memfdCreate('handed over', 0);
      binding.disown(fd);
      const worker = new threads.Worker(\`
        import { workerData, parentPort } from 'node:worker_threads';
        import(workerData.entry).then(({ loadNative }) => {
          parentPort.postMessage(loadNative().binding.adopt(workerData.fd));
        });
      \`, { eval: true, workerData: { fd, entry: ENTRY } });
      console.log(await new Promise((resolve) => worker.once('message', resolve)));
      await worker.terminate();
      console.log(binding.inspect(fd, new Float64Array(5)) === -9 ? 'closed' : 'open');
    `.replace('ENTRY', JSON.stringify(NATIVE_ENTRY)),
    );
    expect(output).toBe('0\nclosed\n');
  });

  it('returns EBADF for what is not open', () => {
    expect(errnoName(native.adopt(99999))).toBe('EBADF');
  });
});

describe('an abstract address', () => {
  const address = `\0portcall/test-${process.pid}/a`;

  it('is listened at and reached without a file', () => {
    const listener = native.listen(address, 0o600, 4);
    expect(listener).toBeGreaterThan(2);
    expect(errnoName(native.listen(address, 0o600, 4))).toBe('EADDRINUSE');
    const near = native.connect(address, 0);
    const far = native.accept(listener);
    expect(native.ringDoorbell(near)).toBe(1);
    expect(native.wait(far, 1, -1, 1000)).toBe(1);
    // Its length is part of it: one byte less is another name.
    expect(errnoName(native.connect(address.slice(0, -1), 0))).toBe('ECONNREFUSED');
    for (const fd of [near, far, listener]) native.close(fd);
  });
});

describe('peerGroups()', () => {
  it('gives the supplementary groups of who connected', () => {
    const groups = new Uint32Array(1000);
    const count = native.peerGroups(client, groups);
    const own = process.getgroups!();
    // getgroups() of Node adds the effective group.
    expect(own).toEqual(expect.arrayContaining([...groups.subarray(0, count)]));
    expect(own.length - count).toBeLessThanOrEqual(1);
  });

  it('returns ERANGE when they do not fit, ENOTSOCK for what is no socket', () => {
    const fd = native.memfdCreate('none', 0);
    expect(errnoName(native.peerGroups(fd, new Uint32Array(10)))).toBe('ENOTSOCK');
    native.close(fd);
    if (native.peerGroups(client, new Uint32Array(1000)) > 0) {
      expect(errnoName(native.peerGroups(client, new Uint32Array(0)))).toBe('ERANGE');
    }
  });
});

describe('pidfdOpen()', () => {
  it('returns ESRCH for a process that is not there', () => {
    expect(errnoName(native.pidfdOpen(0x3ffffff0))).toBe('ESRCH');
  });

  it('gives a descriptor of the process', () => {
    const pidfd = native.pidfdOpen(process.pid);
    expect(native.processEnded(pidfd)).toBe(0);
    native.close(pidfd);
  });
});
