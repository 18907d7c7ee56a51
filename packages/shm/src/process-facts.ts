import { readFileSync, readlinkSync } from 'node:fs';

import type { NativeBinding } from '@portcall/native';
import type { PeerNamespaces } from '@portcall/transport';

/** Longest path of an executable that is kept; PATH_MAX of Linux. */
const PATH_BYTES_MAX = 4096;

/** What `/proc` says of a process; `undefined` where it does not let us see it. */
export interface ProcessFacts {
  readonly startTime: number | undefined;
  readonly exe: string | undefined;
  readonly namespaces: PeerNamespaces | undefined;
}

/**
 * Reads what `/proc` says of a process. Who calls must make sure, by a pidfd and after this call,
 * that the number still meant the same process.
 */
export function readProcessFacts(native: NativeBinding, pid: number): ProcessFacts {
  const namespaces = {
    pid: readNamespace(pid, 'pid'),
    mnt: readNamespace(pid, 'mnt'),
    user: readNamespace(pid, 'user'),
  };
  const seesAny = Object.values(namespaces).some((inode) => inode !== undefined);
  return {
    startTime: readStartTime(native, pid),
    exe: readExecutable(native, pid),
    namespaces: seesAny ? namespaces : undefined,
  };
}

/** User ids (real, effective, saved, file system) and groups of `/proc/<pid>/status`. */
export interface ProcessUsers {
  readonly uids: readonly number[];
  readonly groups: readonly number[];
}

/** As {@link readProcessFacts}; `undefined` when it cannot be read. */
export function readProcessUsers(pid: number): ProcessUsers | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    return { uids: numbersOf(text, 'Uid'), groups: numbersOf(text, 'Groups') };
  } catch {
    return undefined; // Gone, or hidden from us.
  }
}

/** What the kernel says where it has no user of ours to name. Source: `proc(5)`. */
export function readOverflowUid(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'));
  } catch {
    return 65534; // Its default, where /proc is not there.
  }
}

function numbersOf(text: string, name: string): number[] {
  const line = new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1] ?? '';
  return line.split(/\s+/).filter(Boolean).map(Number);
}

/** The link's text is `<kind>:[<inode>]`. */
function readNamespace(pid: number, kind: keyof PeerNamespaces): number | undefined {
  try {
    const inode = /\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/${kind}`))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined; // It takes the rights of a debugger.
  }
}

/** Field 22 of `/proc/<pid>/stat`, counted from behind the name, which may hold anything. */
function readStartTime(native: NativeBinding, pid: number): number | undefined {
  const bytes = new Uint8Array(1024);
  const length = native.processStat(pid, bytes);
  if (length <= 0) return undefined;
  const text = Buffer.from(bytes.buffer, 0, length).toString('latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTime = Number(fields[19]);
  return Number.isSafeInteger(startTime) ? startTime : undefined;
}

function readExecutable(native: NativeBinding, pid: number): string | undefined {
  const bytes = new Uint8Array(PATH_BYTES_MAX);
  const length = native.processImage(pid, bytes);
  if (length <= 0 || length === PATH_BYTES_MAX) return undefined;
  return Buffer.from(bytes.buffer, 0, length).toString('utf8');
}
