/* port 13, quick mode: a thread of the server, and a ring pair, for one client alone. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  connectPort,
  createPort,
  type CommunicationPort,
  type ConnectPortOptions,
  type ConnectionPort,
  type CreatePortOptions,
} from '@portcall/port';
import {
  QUICK_COMMAND,
  QUICK_HANDLER,
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  patternBytes,
  sameBytes,
  transportsUnderTest,
  waitUntil,
  within,
  type ResourceCounts,
  type TemporaryRuntime,
} from '@portcall/testing';

const { ECHO, WHO, LATER, CALL_BACK, THROW, CRASH } = QUICK_COMMAND;
const module = QUICK_HANDLER;
const shmReason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

let runtime: TemporaryRuntime;
let base: ResourceCounts;
let server: ConnectionPort | undefined;
const clients: CommunicationPort[] = [];

beforeEach(() => {
  base = countResources();
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.abort();
    await client.closed;
  }
  await server?.close({ drainMs: 0 });
  server = undefined;
  runtime.remove();
  await expectResources(base);
});

async function serve(options: CreatePortOptions = {}): Promise<ConnectionPort> {
  server = await createPort('quick', {
    directory: runtime.directory,
    quick: { module },
    onMessage: (message) => void message.reply(Buffer.from('slow')),
    ...options,
  });
  return server;
}

async function connect(options: ConnectPortOptions = {}): Promise<CommunicationPort> {
  const client = await connectPort('quick', {
    directory: runtime.directory,
    quick: true,
    ...options,
  });
  clients.push(client);
  return client;
}

interface Who {
  readonly isMainThread: boolean;
  readonly threadId: number;
  readonly pid: number;
  readonly context: unknown;
}

async function whoServes(client: CommunicationPort): Promise<Who> {
  return JSON.parse(Buffer.from(await client.request(Uint8Array.of(WHO))).toString()) as Who;
}

describe.skipIf(shmReason !== undefined)(`port 13, quick mode ${shmReason ?? ''}`, () => {
  it('serves each client that asks for it in a thread of its own', async () => {
    const port = await serve({ onConnect: (request) => request.accept({ context: 'seven' }) });
    const [one, two] = [await connect(), await connect()];
    expect([one.capabilities.quick, two.capabilities.quick]).toEqual([true, true]);
    const [first, second] = [await whoServes(one), await whoServes(two)];
    expect([first.isMainThread, second.isMainThread]).toEqual([false, false]);
    expect(first.threadId).not.toBe(second.threadId);
    expect(first).toMatchObject({ pid: process.pid, context: 'seven' });
    expect([port.quickConnections, port.connections.size]).toEqual([2, 0]);
  });

  it('is granted by the server: without its option or a place all goes as ever', async () => {
    await serve({ quick: { module, maxThreads: 1 } });
    const [one, two] = [await connect(), await connect()];
    expect([one.capabilities.quick, two.capabilities.quick]).toEqual([true, false]);
    expect(Buffer.from(await two.request(Uint8Array.of(ECHO))).toString()).toBe('slow');
    const plain = await connect({ quick: false });
    expect(plain.capabilities.quick).toBe(false);
  });

  it('answers while the main thread is blocked', async () => {
    await serve();
    const client = await connect();
    const replies = Array.from({ length: 200 }, () => {
      return client.requestSync(Uint8Array.of(ECHO, 7), { blockMainThread: true, timeoutMs: 5000 });
    });
    expect(replies.every((reply) => sameBytes(reply, Uint8Array.of(ECHO, 7)))).toBe(true);
  });

  it.each([1, 1000, 40_000, 65_536])('carries %i bytes either way', async (size) => {
    await serve();
    const client = await connect();
    const data = patternBytes(size, 3);
    data[0] = ECHO;
    expect(sameBytes(await client.request(data), data)).toBe(true);
  });

  it('lets handlers wait, call back and fail', async () => {
    await serve();
    const client = await connect();
    const later = [1, 2, 3].map((value) => client.request(Uint8Array.of(LATER, value)));
    expect((await Promise.all(later)).map((reply) => reply[1])).toEqual([1, 2, 3]);
    const reply = await client.request(Uint8Array.of(CALL_BACK, 5), {
      onCallback: (message) => void message.reply(Uint8Array.of((message.data[0] ?? 0) * 2)),
    });
    expect([...reply]).toEqual([10]);
    await expectCode(client.request(Uint8Array.of(THROW)), 'SERVER_FAULT');
    expect((await client.request(Uint8Array.of(ECHO))).length).toBe(1);
  });

  it('confines a crash to the client whose thread it was', async () => {
    const port = await serve();
    const [one, two] = [await connect(), await connect()];
    const warned = new Promise((resolve) => process.once('warning', resolve));
    await expectCode(one.request(Uint8Array.of(CRASH)), 'REPLY_LOST');
    expect(await within('the warning', warned)).toMatchObject({
      message: 'planned crash of a quick thread',
    });
    expect((await two.request(Uint8Array.of(ECHO))).length).toBe(1);
    await waitUntil('the thread to be gone', () => port.quickConnections === 1);
    expect((await connect()).capabilities.quick).toBe(true);
  });

  it('refuses the client when its module cannot serve', async () => {
    await serve({
      quick: { module: fileURLToPath(import.meta.url.replace('.test.ts', '-no.mjs')) },
    });
    const warned = new Promise((resolve) => process.once('warning', resolve));
    await expectCode(connect(), 'SERVER_FAULT');
    await within('the warning', warned);
  });

  it('ends with the client, and with the port, which lets calls finish', async () => {
    const port = await serve();
    const one = await connect();
    await one.close();
    await waitUntil('the thread to be gone', () => port.quickConnections === 0);
    const two = await connect();
    const slow = two.request(Uint8Array.of(LATER, 9));
    await new Promise((resolve) => setImmediate(resolve));
    await port.close();
    expect([...(await slow)]).toEqual([LATER, 9]);
    expect(await two.closed).toMatchObject({ reason: 'closed' });
  });

  it('follows a change of the access control list', async () => {
    const port = await serve();
    const client = await connect();
    await client.request(Uint8Array.of(ECHO));
    port.setAcl([{ action: 'allow', rights: ['connect'] }]);
    await waitUntil('the refusal', async () => {
      return client.request(Uint8Array.of(ECHO)).then(
        () => false,
        (error: unknown) => (error as { code?: string }).code === 'ACCESS_DENIED',
      );
    });
    port.setAcl([]);
    expect(await within('the end', client.closed)).toEqual({
      reason: 'closed',
      status: 'ACCESS_DENIED',
    });
  });
});
