import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { connectPort, createPort } from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  patternBytes,
  sameBytes,
  spawnThread,
  transportsUnderTest,
  within,
  type ResourceCounts,
  type TemporaryRuntime,
} from '@portcall/testing';

let runtime: TemporaryRuntime;
let base: ResourceCounts;

beforeEach(() => {
  base = countResources();
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  runtime.discard();
  await expectResources(base);
});

for (const { name, skipReason } of transportsUnderTest()) {
  if (name === 'memory') continue; // It does not leave its thread.
  const isSkipped = skipReason !== undefined;
  const task = (role: 'server' | 'client'): Parameters<typeof spawnThread>[0] => ({
    role,
    name: 'thread',
    directory: runtime.directory,
    transport: name,
    requests: 200,
  });

  describe.skipIf(isSkipped)(`worker threads over ${name} ${skipReason ?? ''}`, () => {
    it('can serve the main thread', async () => {
      const thread = spawnThread(task('server'));
      expect(await thread.posted).toBe('ready');
      const endpoint = { directory: runtime.directory, transport: name };
      const client = await connectPort('thread', endpoint);
      for (const size of [0, 100, 40_000, 65_536]) {
        const data = patternBytes(size, size);
        expect(sameBytes(await client.request(data), data)).toBe(true);
      }
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
      thread.worker.postMessage('close');
      expect(await thread.exited).toBe(0);
      expect(await within('the end', client.closed)).toMatchObject({ reason: 'closed' });
      expect(runtime.list()).toEqual([]);
    });

    it('can be clients of the main thread, several at once', async () => {
      const server = await createPort('thread', {
        directory: runtime.directory,
        transport: name,
        onMessage: (message) => void message.reply(message.data),
      });
      const threads = [1, 2, 3].map(() => spawnThread(task('client')));
      expect(await Promise.all(threads.map(({ posted }) => posted))).toEqual([200, 200, 200]);
      await Promise.all(threads.map(({ exited }) => exited));
      await within('the server to close', server.close({ drainMs: 0 }));
    });

    it('that are terminated end their connections and leave nothing open', async () => {
      const thread = spawnThread(task('server'));
      await thread.posted;
      const endpoint = { directory: runtime.directory, transport: name };
      const client = await connectPort('thread', endpoint);
      await client.request(new Uint8Array(100));
      await thread.worker.terminate();
      try {
        expect(await within('the end', client.closed, 1000)).toEqual({ reason: 'died' });
      } finally {
        client.abort();
        await client.closed;
      }
      await expectCode(client.request(new Uint8Array(1)), 'DISCONNECTED');
    });

    it('that are terminated free their names', async ({ skip }) => {
      skip(name === 'socket', 'the lock holds the id of the process, and that one lives on');
      const thread = spawnThread(task('server'));
      await thread.posted;
      await thread.worker.terminate();
      const endpoint = { directory: runtime.directory, transport: name };
      const next = await createPort('thread', endpoint);
      await next.close();
    });
  });
}
