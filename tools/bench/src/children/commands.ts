import type { Load, LoadResult } from '../drive/load.js';
import type { DriverLoad } from '../drive/run-load.js';

/** What a client process can be told to do. */
export type ClientCommand =
  | {
      /** Put a load on the subject; answered by a {@link RunAnswer}. */
      readonly do: 'run';
      readonly load: DriverLoad;
      readonly durationMs: number;
    }
  | {
      /** Open so many more connections; as all that follow, answered by a {@link UsageAnswer}. */
      readonly do: 'open';
      readonly connections: number;
    }
  | {
      /** Make calls on some of the connections that were opened. */
      readonly do: 'active';
      readonly load: Extract<Load, { readonly kind: 'crowd' }>;
      readonly durationMs: number;
    }
  | {
      /** Say what has been used. */
      readonly do: 'usage';
    }
  | {
      /** Close the connections that were opened. */
      readonly do: 'close';
    };

/** A client's answer: the result, and the CPU time that its process took for it. */
export interface RunAnswer extends LoadResult {
  /** User and system time, in microseconds. */
  readonly cpuUs: number;
}

/** What a server can be told: to say what it has used, memory too or not. */
export interface ServerCommand {
  /** Memory is asked for: garbage is collected first. */
  readonly memory: boolean;
}

/** What a process has used so far. */
export interface UsageAnswer {
  /** User and system time, in microseconds. */
  readonly cpuUs: number;
  /** Resident memory after a collection of garbage, if it was asked for; 0 otherwise. */
  readonly residentBytes: number;
  /** What was measured, if anything was. */
  readonly p99Us: number;
}

/** User and system time of this process, in microseconds. */
export function processCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
