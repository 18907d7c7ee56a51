/*
 * Threat: a peer, or the program itself, does what is allowed in an order or a number that nobody
 * thinks of; what one request costs must not be paid by another.
 */
import { openSync, closeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  connectPort,
  createPort,
  type CommunicationPort,
  type ConnectPortOptions,
  type ConnectionPort,
  type ConnectionRequest,
  type CreatePortOptions,
} from '@portcall/port';
import {
  QUICK_HANDLER,
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  expectThrownCode,
  transportsUnderTest,
  waitUntil,
  within,
  type ResourceCounts,
  type TemporaryRuntime,
} from '@portcall/testing';

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

async function serve(options: CreatePortOptions): Promise<ConnectionPort> {
  server = await createPort('pressure', { directory: runtime.directory, ...options });
  return server;
}

async function connect(options: ConnectPortOptions = {}): Promise<CommunicationPort> {
  const client = await connectPort('pressure', { directory: runtime.directory, ...options });
  clients.push(client);
  return client;
}

describe('requests that are cancelled at once', () => {
  it('start no more handlers than requests may be outstanding', async () => {
    let running = 0;
    let most = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await serve({
      onMessage: async (message) => {
        most = Math.max(most, ++running);
        await released;
        running--;
        await message.reply(message.data);
      },
    });
    const client = await connect();
    for (let round = 0; round < 30; round++) {
      const aborter = new AbortController();
      const { signal } = aborter;
      const requests = Array.from({ length: 100 }, () => {
        return client.request(new Uint8Array(1), { signal }).catch(() => undefined);
      });
      await new Promise((resolve) => setImmediate(resolve));
      aborter.abort();
      await Promise.all(requests);
    }
    await waitUntil('all places to be taken', () => most >= 1024);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(most).toBe(1024);
    release();
    expect((await client.request(Uint8Array.of(7), { timeoutMs: 5000 }))[0]).toBe(7);
  });
});

describe('a completion descriptor that cannot be written', () => {
  it('is a warning: this request and the next one settle', async () => {
    await serve({ onMessage: (message) => void message.reply(message.data) });
    const client = await connect();
    const descriptor = openSync('/dev/null', 'r');
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const options = { completionDescriptor: descriptor, timeoutMs: 5000 };
    expect((await client.request(new Uint8Array(3), options)).length).toBe(3);
    expect(await within('the warning', warned)).toMatchObject({ code: 'EBADF' });
    expect((await client.request(new Uint8Array(4))).length).toBe(4);
    closeSync(descriptor);
  });
});

describe('an access control list that changes', () => {
  it('also judges the client whose decision is still to come', async () => {
    let waiting: ConnectionRequest | undefined;
    const port = await serve({ onConnect: (request) => void (waiting = request) });
    const refused = expectCode(connect(), 'ACCESS_DENIED');
    await waitUntil('the request', () => waiting !== undefined);
    port.setAcl([]);
    expectThrownCode(() => waiting?.accept(), 'ACCESS_DENIED');
    await refused;
    expect(port.connections.size).toBe(0);
  });
});

describe('a callback with a handler of its own', () => {
  it('goes to that handler, though somebody receives', async () => {
    await serve({
      onMessage: async (message) => {
        const answer = message.callback(Uint8Array.of(1));
        await message.port.send(Uint8Array.of(2));
        await message.reply(await answer);
      },
    });
    const client = await connect();
    const received = client.receive({ timeoutMs: 5000 });
    const reply = await client.request(new Uint8Array(0), {
      timeoutMs: 5000,
      onCallback: (message) => void message.reply(Uint8Array.of(9, message.data[0] ?? 0)),
    });
    expect([...reply]).toEqual([9, 1]);
    expect([...((await received)?.data ?? [])]).toEqual([2]);
  });
});

describe.skipIf(shmReason !== undefined)(`over shared memory ${shmReason ?? ''}`, () => {
  it('the credit for data whose memory is given away comes back', async () => {
    let bytes = 0;
    await serve({
      wants: ['view'],
      onMessage: (message) => void (bytes += message.data.length),
    });
    const client = await connect();
    const data = new Uint8Array(60_000);
    for (let count = 0; count < 150; count++) await within('room', client.send(data));
    await waitUntil('all of it', () => bytes === 150 * data.length);
  });

  it('bandwidth holds long data back, and no sign of life', async () => {
    await serve({
      attributes: { maxMessageLength: 8 << 20 },
      onMessage: async (message) => {
        if (message.data.length === 1) await new Promise((resolve) => setTimeout(resolve, 900));
        await message.reply(message.data.subarray(0, 1));
      },
    });
    const client = await connect({
      attributes: { maxMessageLength: 8 << 20, memoryBandwidth: 4 << 20, leaseMs: 300 },
    });
    const long = [1, 2, 3].map(() => client.request(new Uint8Array(1 << 20)));
    expect((await client.request(new Uint8Array(1), { timeoutMs: 5000 })).length).toBe(1);
    await Promise.all(long);
  });

  it('a context that no thread can have is an error, and the client is told', async () => {
    let thrown: unknown;
    await serve({
      quick: { module: QUICK_HANDLER },
      onConnect: (request) => {
        try {
          request.accept({ context: () => undefined });
        } catch (error) {
          thrown = error;
        }
      },
    });
    await expectCode(connect({ quick: true }), 'CONNECTION_REFUSED');
    expect(thrown).toMatchObject({ name: 'DataCloneError' });
  });
});
