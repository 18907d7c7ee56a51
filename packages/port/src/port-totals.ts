import type { ChannelStatistics } from './port-channel.js';

/** Counts of a port over all its connections. */
export interface PortStatistics extends ChannelStatistics {
  /** Connections that are open now. */
  readonly connections: number;
  /** Connections accepted since the port was created. */
  readonly accepted: number;
}

const NONE: ChannelStatistics = {
  sentInline: 0,
  sentSection: 0,
  sentBytes: 0,
  received: 0,
  receivedBytes: 0,
  queued: 0,
  untaken: 0,
  refused: 0,
};

/** Keeps the counts of connections that have ended. */
export class PortTotals {
  #ended = NONE;
  #endedCount = 0;

  /** A connection has ended. What waited in it is gone. */
  add(statistics: ChannelStatistics): void {
    this.#ended = sum(this.#ended, { ...statistics, queued: 0, untaken: 0 });
    this.#endedCount++;
  }

  /** The totals together with those of the connections that are open. */
  of(open: Iterable<{ readonly statistics: ChannelStatistics }>): PortStatistics {
    const connections = [...open];
    const totals = connections.reduce((all, one) => sum(all, one.statistics), this.#ended);
    const accepted = this.#endedCount + connections.length;
    return { ...totals, connections: connections.length, accepted };
  }
}

function sum(one: ChannelStatistics, other: ChannelStatistics): ChannelStatistics {
  return {
    sentInline: one.sentInline + other.sentInline,
    sentSection: one.sentSection + other.sentSection,
    sentBytes: one.sentBytes + other.sentBytes,
    received: one.received + other.received,
    receivedBytes: one.receivedBytes + other.receivedBytes,
    queued: one.queued + other.queued,
    untaken: one.untaken + other.untaken,
    refused: one.refused + other.refused,
  };
}
