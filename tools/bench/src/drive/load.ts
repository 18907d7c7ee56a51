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
    };

/** What a load yields in one round. */
export interface LoadResult {
  /** By name, with the unit in it: `p50Us`, `callsPerSecond`. */
  readonly figures: Readonly<Record<string, number>>;
  /** Calls made in all, those that ended after the time was up included. */
  readonly calls: number;
}
