/* Dynamic tracking: a message has the security context of its moment, however long it waits. */
import { describe, expect, it } from 'vitest';

import { connectPort, createPort } from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectResources,
  textBytes,
  transportsUnderTest,
} from '@portcall/testing';

const shmReason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;
const reason = process.geteuid?.() === 0 ? shmReason : 'needs root, who can change its group';

const OTHER_GID = 64_002;

describe.skipIf(reason !== undefined)(`dynamic tracking ${reason ?? ''}`, () => {
  it('gives a message that waits the context of when it was sent', async () => {
    const base = countResources();
    const runtime = createTemporaryRuntime();
    const { directory } = runtime;
    const attributes = { allowImpersonation: 'impersonate' } as const;
    const server = await createPort('n', { directory, attributes, wants: ['token'] });
    const security = { level: 'impersonate', tracking: 'dynamic' } as const;
    const client = await connectPort('n', { directory, attributes, security });
    const gid = process.getegid?.() ?? 0;
    try {
      await client.send(textBytes('one'));
      await client.flush();
      process.setegid?.(OTHER_GID);
      await client.send(textBytes('two'));
      await client.flush();
    } finally {
      process.setegid?.(gid);
    }
    const messages = [await server.receive(), await server.receive()];
    const [one, two] = messages.map((message) => ({
      gid: message?.peer?.gid,
      modifiedId: message?.attributes.token?.modifiedId,
      behalf: message?.impersonate()[0]?.gid,
    }));
    expect(one).toEqual({ gid, modifiedId: 1, behalf: gid });
    expect(two).toEqual({ gid: OTHER_GID, modifiedId: 2, behalf: OTHER_GID });
    await client.close();
    await server.close();
    runtime.remove();
    await expectResources(base);
  });
});
