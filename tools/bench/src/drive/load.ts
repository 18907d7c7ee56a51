/** What a client is to do: the shape of the traffic. */
export type Load =
  | {
      /** One call at a time, each timed. */
      readonly kind: 'latency';
      readonly payloadBytes: number;
    }
  | {
      /** A fixed number of calls under way, counted. */
      readonly kind: 'pipelined';
      readonly payloadBytes: number;
      readonly inFlight: number;
    }
  | {
      /** One large payload at a time, with a small reply. */
      readonly kind: 'transfer';
      readonly payloadBytes: number;
    }
  | {
      /** As `latency`, blocking the thread for each reply; who cannot makes an ordinary call. */
      readonly kind: 'sync';
      readonly payloadBytes: number;
    }
  | {
      /** Messages from the server as fast as they come. */
      readonly kind: 'stream';
      readonly payloadBytes: number;
    }
  | {
      /** A great number of calls, the last of which are compared with the first. */
      readonly kind: 'endurance';
      readonly payloadBytes: number;
      readonly inFlight: number;
      readonly callCount: number;
    }
  | {
      /** A fresh process that connects and makes one call. */
      readonly kind: 'start';
    }
  | {
      /** Many open connections, few of them active. */
      readonly kind: 'crowd';
      readonly payloadBytes: number;
      readonly connections: number;
      /** How many of them make calls, one after the other. */
      readonly active: number;
    };

/** What a load yields in one round. */
export interface LoadResult {
  /** By name, with the unit in it: `p50Us`, `callsPerSecond`. */
  readonly figures: Readonly<Record<string, number>>;
  /** Calls made in all, those that ended after the time was up included. */
  readonly calls: number;
}
