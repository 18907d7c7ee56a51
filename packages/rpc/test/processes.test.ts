import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bind, isPortError, serve } from '@portcall/rpc';
import {
  ConformanceServer,
  ConformanceService,
  SETTLE_MS_MAX,
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  sameResources,
  spawnProgram,
  transportsUnderTest,
  waitUntil,
  within,
  type Program,
  type ResourceCounts,
  type RpcNodeCommands,
  type SpawnOptions,
  type TemporaryRuntime,
} from '@portcall/testing';

const WITHOUT_ADDON = { env: { PORTCALL_NATIVE: 'off' } };
const OFF = 'switched off by PORTCALL_NATIVE=off';
const CALLS = 32;

const kinds = transportsUnderTest().flatMap(({ name, skipReason, hasIdentity }) => {
  return name === 'memory' ? [] : [{ name, skipReason, hasIdentity }];
});
const shmReason = kinds.find(({ name }) => name === 'shm')?.skipReason;

let runtime: TemporaryRuntime;
let base: ResourceCounts;
let programs: Program<RpcNodeCommands>[] = [];

async function spawnNode(options: SpawnOptions = {}): Promise<Program<RpcNodeCommands>> {
  const program = await spawnProgram<RpcNodeCommands>('rpc-node', options);
  programs.push(program);
  return program;
}

beforeEach(() => {
  base = countResources();
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  for (const program of programs) await program.close();
  programs = [];
  runtime.discard();
  await expectResources(base);
});

describe.skipIf(shmReason !== undefined)(`calls between processes ${shmReason ?? ''}`, () => {
  it('tell handler and caller who the other is', async () => {
    const { directory } = runtime;
    const [server, client] = await Promise.all([spawnNode(), spawnNode()]);
    await server.call('serve', { name: 'who', directory });
    const { peer } = await client.call('bind', { name: 'who', directory });
    expect(peer).toEqual({ ...(await server.call('facts')), source: 'message' });
    await client.call('startHolds', 1);
    await waitUntil('the call', async () => (await server.call('state')).held === 1);
    const { callers } = await server.call('state');
    expect(callers).toEqual([{ ...(await client.call('facts')), source: 'connect' }]);
    const facts = await client.call('describe');
    expect([facts.callerPid, facts.callerUid]).toEqual([
      client.pid,
      BigInt(process.geteuid?.() ?? -1),
    ]);
  });

  it.each([
    ['with', 'with', {}, {}],
    ['without', 'with', WITHOUT_ADDON, {}],
    ['with', 'without', {}, WITHOUT_ADDON],
    ['without', 'without', WITHOUT_ADDON, WITHOUT_ADDON],
  ] as const)('work with a server %s and a client %s the addon', async (_s, _c, one, other) => {
    const { directory } = runtime;
    const [server, client] = await Promise.all([spawnNode(one), spawnNode(other)]);
    const served = await server.call('serve', { name: 'mixed', directory });
    const bound = await client.call('bind', { name: 'mixed', directory });
    const isOff = [one, other].map((options) => 'env' in options);
    expect(served.fallbackReason).toBe(isOff[0] ? OFF : undefined);
    expect(bound.fallbackReason).toBe(isOff[1] ? OFF : undefined);
    expect(bound.transportName).toBe(isOff.includes(true) ? 'socket' : 'shm');
    for (const size of [0, 10, 50_000, 3_000_000]) {
      expect(await client.call('fetch', size)).toBe(size);
    }
    expect((await client.call('describe')).callerPid).toBe(isOff[0] ? 0 : client.pid);
  });
});

for (const { name, skipReason } of kinds) {
  const isSkipped = skipReason !== undefined;
  const endpoint = (): { directory: string; transport: 'shm' | 'socket' } => ({
    directory: runtime.directory,
    transport: name,
  });

  describe.skipIf(isSkipped)(`SIGKILL and calls over ${name} ${skipReason ?? ''}`, () => {
    it('of the server: each call says what is known, and a new server takes over', async () => {
      const program = await spawnNode();
      await program.call('serve', { name: 'death', ...endpoint() });
      const client = await bind(ConformanceService, 'death', endpoint());
      let lastSettledAtMs = 0;
      const calls = Array.from({ length: CALLS }, (_, number) => {
        // Half of them may be repeated: the method is idempotent.
        const call =
          number % 2 === 0
            ? client.hold({ number })
            : client.limited({ data: new Uint8Array(1) }, { timeoutMs: 60_000 });
        return call.finally(() => (lastSettledAtMs = performance.now()));
      });
      const settled = Promise.allSettled(calls);
      await waitUntil('the calls', async () => (await program.call('state')).held === CALLS);
      program.kill();
      const { atMs } = await program.exited;
      const outcomes = await within('all calls to settle', settled);
      expect(lastSettledAtMs - atMs).toBeLessThanOrEqual(SETTLE_MS_MAX);
      for (const [number, outcome] of outcomes.entries()) {
        const reason: unknown = outcome.status === 'rejected' ? outcome.reason : undefined;
        expect(isPortError(reason) && [reason.code, reason.executed, reason.retryable]).toEqual([
          'REPLY_LOST',
          'maybe',
          number % 2 === 1,
        ]);
      }
      expect(await within('the end', client.connection.closed)).toEqual({ reason: 'died' });
      expect((await expectCode(client.echo({}), 'DISCONNECTED')).retryable).toBe(true);
      const handlers = new ConformanceServer();
      const services = [ConformanceService.implement(handlers)];
      const next = await serve('death', services, endpoint());
      const again = await bind(ConformanceService, 'death', endpoint());
      expect((await again.echo({ int32Value: 3 })).int32Value).toBe(3);
      await again.connection.close();
      await within('the server to close', next.close({ drainMs: 0 }));
      expect(runtime.list()).toEqual([]);
    });

    it('of the client: handlers are told, the server keeps nothing and serves others', async () => {
      const server = await spawnNode();
      await server.call('serve', { name: 'death', ...endpoint() });
      const before = await server.call('counts');
      for (let round = 1; round <= 3; round++) {
        const client = await spawnNode();
        await client.call('bind', { name: 'death', ...endpoint() });
        await client.call('startHolds', CALLS);
        await waitUntil('the calls', async () => {
          return (await server.call('state')).held === CALLS * round;
        });
        client.kill();
        await client.exited;
        await waitUntil('the signals', async () => {
          return (await server.call('state')).aborted === CALLS * round;
        });
        await waitUntil("the server's resources", async () => {
          return sameResources(before, await server.call('counts'));
        });
        expect((await server.call('state')).connections).toBe(0);
      }
      const other = await bind(ConformanceService, 'death', endpoint());
      expect((await other.echo({ int32Value: 3 })).int32Value).toBe(3);
      await other.connection.close();
    });
  });
}
