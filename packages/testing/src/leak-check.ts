import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

import { waitUntil } from './wait-until.js';

/** What a process holds of the things that ports are made of. */
export interface ResourceCounts {
  readonly sockets: number;
  readonly memfds: number;
  readonly pidfds: number;
  /** Lock files that are open. */
  readonly locks: number;
  /** Mappings of Portcall's shared memory. */
  readonly maps: number;
}

type DescriptorKind = Exclude<keyof ResourceCounts, 'maps'>;

const KINDS: readonly (readonly [DescriptorKind, RegExp])[] = [
  ['sockets', /^socket:/],
  ['memfds', /^\/memfd:/],
  ['pidfds', /^(anon_inode:\[pidfd\]|pidfd:)/],
  ['locks', /\.lock( \(deleted\))?$/],
];

/** How long closed descriptors may take to be gone: some are closed by the event loop, later. */
const SETTLE_MS = 3000;

/** Counts what this process holds now. Where there is no /proc, nothing is counted. */
export function countResources(): ResourceCounts {
  const counts = { sockets: 0, memfds: 0, pidfds: 0, locks: 0, maps: 0 };
  if (process.platform !== 'linux') return counts;
  for (const fd of readdirSync('/proc/self/fd')) {
    const target = targetOf(fd);
    const kind = KINDS.find(([, pattern]) => pattern.test(target))?.[0];
    if (kind !== undefined) counts[kind]++;
  }
  const maps = readFileSync('/proc/self/maps', 'latin1');
  counts.maps = maps.split('\n').filter((line) => line.includes('memfd:portcall')).length;
  return counts;
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // The descriptor of the listing itself.
  }
}

/** Whether two counts are the same. */
export function sameResources(one: ResourceCounts, other: ResourceCounts): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * Waits until this process holds what it held before, no more and no less.
 *
 * Only descriptors are waited for. A link gives its mappings back in the same moment as its
 * descriptors, so that a mapping which is still there then waits for a garbage collection: a leak.
 *
 * @throws Error with both counts when it does not come to that
 */
export async function expectResources(base: ResourceCounts, what = 'test'): Promise<void> {
  let now = countResources();
  const areClosed = (): boolean => {
    now = countResources();
    return sameResources({ ...base, maps: 0 }, { ...now, maps: 0 });
  };
  const closed = await waitUntil('resources', areClosed, SETTLE_MS).then(
    () => true,
    () => false,
  );
  if (closed && now.maps === base.maps) return;
  throw new Error(`Leak in ${what}: ${JSON.stringify(now)}, before ${JSON.stringify(base)}`);
}
