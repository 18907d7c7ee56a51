/*
 * A name changes hands while clients connect in a loop: none of them may fail, nothing of another
 * server may be removed, and nothing may be left. In one process, where every step is interleaved
 * with the clients' own; then between processes, where the kernel does it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { PortError, connectPort, createPort } from '@portcall/port';
import {
  countResources,
  createTemporaryRuntime,
  expectCode,
  expectResources,
  spawnProgram,
  transportsUnderTest,
  waitUntil,
  within,
  type NameNodeCommands,
  type Program,
  type ResourceCounts,
  type SpawnOptions,
  type TemporaryRuntime,
} from '@portcall/testing';
import type { Transport } from '@portcall/transport';

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

async function spawnNode(options: SpawnOptions = {}): Promise<Program<NameNodeCommands>> {
  const program = await spawnProgram<NameNodeCommands>('name-node', options);
  programs.push(program);
  return program;
}

interface Relay {
  readonly owners: readonly Program<NameNodeCommands>[];
  readonly clients: readonly Program<NameNodeCommands>[];
  readonly transport: 'auto' | 'shm' | 'socket';
  readonly rounds: number;
}

/** The owners take the name from each other in turn while the clients connect: none may fail. */
async function relay({ owners, clients, transport, rounds }: Relay): Promise<void> {
  const address = { name: NAME, directory: runtime.directory, transport };
  const ownerOf = (round: number): Program<NameNodeCommands> => owners[round % owners.length]!;
  let handing = ownerOf(0).call('createAndHandOver', address);
  await waitUntil('the first owner', () => readdirSync(runtime.directory).includes(NAME));
  for (const client of clients) await client.call('startConnecting', address);
  for (let round = 1; round <= rounds; round++) {
    const next = ownerOf(round).call('createAndHandOver', address);
    await within(`handover ${round}`, handing);
    handing = next;
  }
  const tallies = await Promise.all(clients.map((client) => client.call('stopConnecting')));
  for (const { connects, failures, servers } of tallies) {
    expect(failures).toEqual([]);
    expect(connects).toBeGreaterThan(rounds / 2);
    expect(servers.length).toBe(owners.length); // Each client has met all of them.
  }
  for (const owner of owners) await owner.call('closePorts');
  expect(readdirSync(runtime.directory)).toEqual([]);
}

describe.each(kinds)('handovers over $name', (kind) => {
  it('in one process fail no connect', { timeout: 120_000 }, async () => {
    const { directory } = runtime;
    const transport = kind.create();
    const ringBytes = 4096; // Connections come and go, and carry nothing.
    const loop = { isOn: true };
    let connects = 0;
    const failures: string[] = [];
    const keepConnecting = async (): Promise<void> => {
      while (loop.isOn) {
        try {
          const client = await connectPort(NAME, { directory, transport, ringBytes });
          connects++;
          client.abort();
        } catch (error) {
          failures.push(String(error));
        }
        await nextTurn();
      }
    };
    const open = (): ReturnType<typeof createPort> =>
      createPort(NAME, { directory, transport, ringBytes, handover: true });
    let owner = await open();
    const clients = Array.from({ length: CLIENTS }, keepConnecting);
    for (let round = 0; round < HANDOVERS; round++) {
      const next = await open();
      await within('the handover', owner.handedOver);
      await within('the old port to close', owner.close({ drainMs: 0 }));
      owner = next;
    }
    loop.isOn = false;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(connects).toBeGreaterThan(HANDOVERS / 2);
    expect(readdirSync(directory).toSorted()).toEqual([`#${NAME}.lock`, NAME]);
    await owner.close({ drainMs: 0 });
  });

  it('between processes fail no connect', { timeout: 120_000 }, async () => {
    const nodes = await Promise.all(Array.from({ length: 2 + CLIENTS }, () => spawnNode()));
    await relay({
      owners: nodes.slice(0, 2),
      clients: nodes.slice(2),
      transport: kind.name as 'shm' | 'socket',
      rounds: PROCESS_HANDOVERS,
    });
  });

  it.each(['PORT_NOT_FOUND', 'DISCONNECTED'] as const)(
    'make a client ask again whom the old server left with %s, and only they do',
    async (code) => {
      const { directory } = runtime;
      const transport = kind.create();
      const open = (): ReturnType<typeof createPort> =>
        createPort(NAME, { directory, transport, handover: true });
      const owners = [await open()];
      let swaps = 1;
      let attempts = 0;
      // The kernel's answer of a moment before: by the time the client has it, the name has moved.
      const late: Transport = {
        ...transport,
        async connect(address, options) {
          attempts++;
          if (attempts > 1 && swaps > 0) return transport.connect(address, options);
          if (swaps > 0) owners.push(await open());
          throw new PortError(code, 'Cannot connect to it: the old server has gone');
        },
      };
      const client = await connectPort(NAME, { directory, transport: late });
      expect(attempts).toBe(2);
      client.abort();
      swaps = 0;
      await expectCode(connectPort(NAME, { directory, transport: late }), code);
      expect(attempts).toBe(3);
      for (const owner of owners) await owner.close({ drainMs: 0 });
    },
  );

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

describe.skipIf(kinds.length < 2)('handovers between processes with and without the addon', () => {
  it('fail no connect of either', { timeout: 60_000 }, async () => {
    const without = { env: { PORTCALL_NATIVE: 'off' } };
    const nodes = await Promise.all(
      [{}, without, {}, without].map((options) => spawnNode(options)),
    );
    const [owners, clients] = [nodes.slice(0, 2), nodes.slice(2)];
    await relay({ owners, clients, transport: 'auto', rounds: 20 });
  });
});
