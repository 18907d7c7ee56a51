import type { Load, LoadResult } from '../drive/load.js';

/** What a client process can be told to do: put a load on its subject. */
export interface RunCommand {
  readonly load: Load;
  readonly durationMs: number;
}

/** A client's answer: the result, and the CPU time that its process took for it. */
export interface RunAnswer extends LoadResult {
  /** User and system time, in microseconds. */
  readonly cpuUs: number;
}

/** A server's answer to any command: the CPU time that its process has taken so far. */
export interface CpuAnswer {
  /** User and system time, in microseconds. */
  readonly cpuUs: number;
}

/** User and system time of this process, in microseconds. */
export function processCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
