import { readFileSync, readlinkSync, realpathSync } from 'node:fs';

/** What a process says of itself: what its peers must be told by the kernel. */
export interface ProcessFacts {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Field 22 of `/proc/<pid>/stat`. */
  readonly startTime: number;
  readonly exe: string;
  /** Supplementary groups, in the kernel's order. */
  readonly groups: readonly number[];
  /** Numbers of its namespaces. */
  readonly namespaces: Readonly<Record<'pid' | 'mnt' | 'user', number>>;
}

/** The facts of this process, from its own system calls and `/proc/self`. */
export function ownFacts(): ProcessFacts {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid: process.pid,
    uid: process.geteuid?.() ?? -1,
    gid: process.getegid?.() ?? -1,
    startTime: Number(fields[19]),
    exe: realpathSync('/proc/self/exe'),
    // Not process.getgroups(): that adds the effective group where the kernel does not list it.
    groups: (/^Groups:[\t ]*(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '')
      .split(' ')
      .filter((group) => group !== '')
      .map(Number),
    namespaces: { pid: namespaceOf('pid'), mnt: namespaceOf('mnt'), user: namespaceOf('user') },
  };
}

/** The link reads like `pid:[4026531836]`. */
function namespaceOf(kind: string): number {
  return Number(/\d+/.exec(readlinkSync(`/proc/self/ns/${kind}`))?.[0]);
}
