import { readFileSync, realpathSync } from 'node:fs';

/** What a process says of itself: what its peers must be told by the kernel. */
export interface ProcessFacts {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Field 22 of `/proc/<pid>/stat`. */
  readonly startTime: number;
  readonly exe: string;
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
  };
}
