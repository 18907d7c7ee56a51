/*
 * A name changes hands while clients connect in a loop: none of them may fail, nothing of another
 * server may be removed, and nothing may be left. In one process, where every step is interleaved
 * with the clients' own; then between processes, where the kernel does it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { connectPort, createPort } from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectResources,
  spawnProgram,
  transportsUnderTest,
  waitUntil,
  within,
  type NameNodeCommands,
  type Program,
  type ResourceCounts,
  type TemporaryRuntime,
} from '@portcall/testing';

/** Handovers in one process. Source: `port.md` 2. */
const HANDOVERS = 500;

/** Handovers between two processes. */
const PROCESS_HANDOVERS = 60;

/** Clients that connect all the time. */
const CLIENTS = 2;

const NAME = 'storm';

const kinds = transportsUnderTest().filter(({ hasFiles, skipReason }) => {
  return hasFiles && skipReason === undefined;
});

let runtime: TemporaryRuntime;
let base: ResourceCounts;
let programs: Program<NameNodeCommands>[] = [];

beforeEach(() => {
  base = countResources();
  runtime = createTemporaryRuntime();
});

afterEach(async () => {
  for (const program of programs.splice(0)) await program.close();
  await expectResources(base);
  runtime.remove(); // Throws when anything is left in it.
});

async function spawnNode(): Promise<Program<NameNodeCommands>> {
  const program = await spawnProgram<NameNodeCommands>('name-node');
  programs.push(program);
  return program;
}

describe.each(kinds)('handovers over $name', (kind) => {
  it('in one process fail no connect', { timeout: 120_000 }, async () => {
    const { directory } = runtime;
    const transport = kind.create();
    let running = true;
    let connects = 0;
    const failures: string[] = [];
    const keepConnecting = async (): Promise<void> => {
      while (running) {
        try {
          const client = await connectPort(NAME, { directory, transport });
          connects++;
          client.abort();
        } catch (error) {
          failures.push(String(error));
        }
        await nextTurn();
      }
    };
    const open = (): ReturnType<typeof createPort> =>
      createPort(NAME, { directory, transport, handover: true });
    let owner = await open();
    const clients = Array.from({ length: CLIENTS }, keepConnecting);
    for (let round = 0; round < HANDOVERS; round++) {
      const next = await open();
      await within('the handover', owner.handedOver);
      await within('the old port to close', owner.close({ drainMs: 0 }));
      owner = next;
    }
    running = false;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(connects).toBeGreaterThan(HANDOVERS / 2);
    expect(readdirSync(directory).toSorted()).toEqual([`#${NAME}.lock`, NAME]);
    await owner.close({ drainMs: 0 });
  });

  it('between processes fail no connect', { timeout: 120_000 }, async () => {
    const options = { name: NAME, directory: runtime.directory, transport: kind.name } as const;
    const address = options as { name: string; directory: string; transport: 'shm' | 'socket' };
    const nodes = await Promise.all(Array.from({ length: 2 + CLIENTS }, spawnNode));
    const owners = nodes.slice(0, 2);
    const clients = nodes.slice(2);
    let handing = owners[0]!.call('createAndHandOver', address);
    await waitUntil('the first owner', () => readdirSync(runtime.directory).includes(NAME));
    for (const client of clients) await client.call('startConnecting', address);
    for (let round = 1; round <= PROCESS_HANDOVERS; round++) {
      const next = owners[round % 2]!.call('createAndHandOver', address);
      await within(`handover ${round}`, handing);
      handing = next;
    }
    const tallies = await Promise.all(clients.map((client) => client.call('stopConnecting')));
    for (const { connects, failures, servers } of tallies) {
      expect(failures).toEqual([]);
      expect(connects).toBeGreaterThan(PROCESS_HANDOVERS / 2);
      expect(servers.length).toBe(2); // Each client has met both of them.
    }
    for (const owner of owners) await owner.call('closePorts');
    expect(readdirSync(runtime.directory)).toEqual([]);
  });

  it(
    'that die on the way leave a name that the next server gets',
    { timeout: 60_000 },
    async () => {
      const { directory } = runtime;
      const address = { name: NAME, directory, transport: kind.name as 'shm' | 'socket' };
      let owner = await open();
      function open(): ReturnType<typeof createPort> {
        return createPort(NAME, { directory, transport: kind.create(), handover: true });
      }
      for (let round = 0; round < 8; round++) {
        const dying = await spawnProgram<NameNodeCommands>('name-node');
        const taking = dying.call('createPort', { ...address, handover: true });
        // At another moment each time: before it asks, while it does, or when it has got the name.
        await sleep(2 * round);
        dying.kill();
        await dying.exited;
        await taking.catch(() => undefined);
        const client = connectPort(NAME, { directory, transport: kind.create() });
        const reached = await client.then(
          (port) => port.abort() ?? true,
          () => false,
        );
        if (!reached) await within('the old server to notice', owner.handedOver);
        const next = await within('the next server', open());
        await owner.close({ drainMs: 0 });
        owner = next;
      }
      await owner.close({ drainMs: 0 });
      // Of the dead only what they had not put into place is left: for whoever comes in a minute.
      const left = readdirSync(directory);
      expect(left.filter((leaf) => !leaf.startsWith('.new-'))).toEqual([]);
      for (const leaf of left) rmSync(`${directory}/${leaf}`, { recursive: true });
    },
  );
});
