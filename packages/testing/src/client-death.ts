import { setTimeout as sleep } from 'node:timers/promises';

import { check, type DeathReport } from './death-report.js';
import { sameResources, type ResourceCounts } from './leak-check.js';
import type { PortNodeCommands } from './programs/port-node.js';
import { CALLERS, type DeathOptions } from './server-death.js';
import { spawnProgram, type Program } from './spawn-program.js';
import { createTemporaryRuntime } from './temporary-runtime.js';
import { waitUntil } from './wait-until.js';

/** A server in a process of its own, whose clients are killed one after the other. */
export interface Victim extends AsyncDisposable {
  /** Starts a client with 32 callers, kills it, and looks at what is left in the server. */
  runClientDeath(report: DeathReport): Promise<void>;
}

/** Starts the server. */
export async function startVictim(options: DeathOptions): Promise<Victim> {
  const runtime = createTemporaryRuntime();
  const endpoint = { name: 'victim', directory: runtime.directory, transport: options.transport };
  const server = await spawnProgram<PortNodeCommands>('port-node');
  await server.call('createPort', { ...endpoint, behaviour: { kind: 'half' } });
  const base = await settledCounts(server);
  return {
    runClientDeath: async (report) => {
      const client = await spawnProgram<PortNodeCommands>('port-node');
      const sizeBytes = options.random() < 0.5 ? 200 : 40_000;
      await client.call('connect', endpoint);
      await client.call('startCallers', { callers: CALLERS, sizeBytes });
      await waitUntil('requests', async () => (await server.call('state')).held === CALLERS / 2);
      if (options.random() < 0.7) await sleep(options.random() * 5);
      client.kill();
      await client.exited;
      await inspect(report, server, base);
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      runtime.discard();
    },
  };
}

async function inspect(
  report: DeathReport,
  server: Program<PortNodeCommands>,
  base: ResourceCounts,
): Promise<void> {
  await check(report, "a dead client's handlers are told", () =>
    waitUntil('all signals', async () => {
      const { held, aborted } = await server.call('state');
      return held === CALLERS / 2 && aborted === held;
    }),
  );
  await check(report, "a dead client's connection is gone", () =>
    waitUntil('no connection', async () => (await server.call('state')).connections === 0),
  );
  await check(report, 'nothing is left of a dead client', async () => {
    const now = await settledCounts(server, base);
    if (sameResources(base, now)) return;
    throw new Error(`server has ${JSON.stringify(now)}, before ${JSON.stringify(base)}`);
  });
  await server.call('forget');
}

/** The server's counts, once they are `wanted` or some time has passed. */
async function settledCounts(
  server: Program<PortNodeCommands>,
  wanted?: ResourceCounts,
): Promise<ResourceCounts> {
  let counts = await server.call('counts');
  if (wanted === undefined) return counts;
  try {
    await waitUntil('the counts', async () => {
      counts = await server.call('counts');
      return sameResources(wanted, counts);
    });
  } catch {
    // The caller compares.
  }
  return counts;
}
