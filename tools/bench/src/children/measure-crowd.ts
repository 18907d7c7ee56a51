import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Load } from '../drive/load.js';
import type { ClientCommand, UsageAnswer } from './commands.js';
import type { Figures } from './figures.js';

/** How to speak to a subject's two processes. */
export interface PairAsks {
  readonly client: (command: ClientCommand, durationMs: number) => Promise<unknown>;
  readonly server: (memory: boolean) => Promise<UsageAnswer>;
}

/** How long nothing happens while idle CPU time is measured, in milliseconds. */
const IDLE_MS = 1000;

/** How long the processes get to become idle, in milliseconds. */
const CALM_MS = 300;

/** Connections that are opened and closed first: what is made once must not count. */
const REHEARSAL = 32;

/**
 * Opens many connections, and measures what they cost: memory of either process and of the kernel's
 * shared memory for each, CPU time while nobody calls, and the p99 of few active ones by that of
 * a single connection of the same round.
 */
export async function measureCrowd(
  { client, server }: PairAsks,
  load: Extract<Load, { readonly kind: 'crowd' }>,
  durationMs: number,
): Promise<Figures> {
  const ask = async (command: ClientCommand): Promise<UsageAnswer> =>
    (await client(command, durationMs)) as UsageAnswer;
  const active = (count: number): ClientCommand => ({
    do: 'active',
    load: { ...load, active: count },
    durationMs: durationMs / 2,
  });
  await ask({ do: 'open', connections: REHEARSAL });
  await ask(active(1));
  const one = await ask(active(1));
  const clientBefore = await ask({ do: 'close' });
  const serverBefore = await server(true);
  const sharedBefore = sharedBytes();
  const clientWith = await ask({ do: 'open', connections: load.connections });
  const serverWith = await server(true);
  const sharedWith = sharedBytes();
  await ask(active(load.active));
  const some = await ask(active(load.active));
  await sleep(CALM_MS);
  const idleBefore = (await ask({ do: 'usage' })).cpuUs + (await server(false)).cpuUs;
  await sleep(IDLE_MS);
  const idleAfter = (await ask({ do: 'usage' })).cpuUs + (await server(false)).cpuUs;
  await ask({ do: 'close' });
  const each = (before: number, after: number): number => (after - before) / load.connections;
  return {
    clientBytes: each(clientBefore.residentBytes, clientWith.residentBytes),
    serverBytes: each(serverBefore.residentBytes, serverWith.residentBytes),
    sharedBytes: each(sharedBefore, sharedWith),
    processBytes: serverBefore.residentBytes,
    idleCpuPercent: (idleAfter - idleBefore) / (IDLE_MS * 10),
    p99Us: some.p99Us,
    p99Rise: some.p99Us / one.p99Us,
  };
}

/** All shared memory of the machine, memfds included. Source: proc(5), meminfo. */
function sharedBytes(): number {
  const kib = /^Shmem: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kib) * 1024;
}
