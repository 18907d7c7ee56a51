import type { Load } from './drive/load.js';
import type { Ability } from './subjects/subject-table.js';

/** A figure of a case, and how to show it. */
export interface Metric {
  /** Its name among the figures that a round yields. */
  readonly id: string;
  /** The work it belongs to: `W1`. */
  readonly work: Work;
  /** What it is, with the unit after scaling. */
  readonly title: string;
  /** Shown is the figure times this. */
  readonly scale: number;
  readonly better: 'lower' | 'higher';
}

/** A load that is put on the subjects, and what is learnt from it. */
export interface BenchCase {
  /** `W1`, `W2/64`, `W3/16 KiB`. */
  readonly id: string;
  readonly title: string;
  readonly load: Load;
  /** What only some subjects can do: those take part. Left out: all. */
  readonly needs?: Ability;
  readonly metrics: readonly Metric[];
}

/**
 * The kinds of work, as `--work` names them; `growth` is how the cost of a call grows. W10 needs
 * handlers on threads and is not measured here.
 */
export const WORKS = [
  'W1',
  'W1S',
  'W2',
  'W3',
  'W4',
  'W5',
  'W6',
  'W7',
  'W8',
  'W9',
  'GROWTH',
] as const;

/** One of {@link WORKS}. */
export type Work = (typeof WORKS)[number];

type LowerMetric = readonly [work: Work, id: string, title: string, scale?: number];

const SMALL_BYTES = 64;
const KIB = 1024;
const MIB = 1024 * 1024;

const W1: BenchCase = {
  id: 'W1',
  title: 'unary echo, 64 B, one in flight',
  load: { kind: 'latency', payloadBytes: SMALL_BYTES },
  metrics: [
    latency('p50Us', 'p50, µs'),
    latency('p99Us', 'p99, µs'),
    latency('p999Us', 'p99.9, µs'),
  ],
};

/** All cases, in the order in which they are measured and shown. */
export const CASES: readonly BenchCase[] = [
  W1,
  {
    id: 'W1s',
    title: 'unary echo, 64 B, synchronous; of net an ordinary call',
    load: { kind: 'sync', payloadBytes: SMALL_BYTES },
    needs: 'sync',
    metrics: [lower('W1S', 'p50Us', 'p50, µs'), lower('W1S', 'p99Us', 'p99, µs')],
  },
  pipelined({ work: 'W2', payloadBytes: SMALL_BYTES, inFlight: 8 }),
  pipelined({ work: 'W2', payloadBytes: SMALL_BYTES, inFlight: 64 }),
  pipelined({ work: 'W2', payloadBytes: SMALL_BYTES, inFlight: 256 }),
  pipelined({ work: 'W3', payloadBytes: KIB, inFlight: 64 }),
  pipelined({ work: 'W3', payloadBytes: 16 * KIB, inFlight: 64 }),
  transfer(1),
  transfer(16),
  {
    id: 'W5',
    title: 'stream of 64 B messages; of portcall-port datagrams',
    load: { kind: 'stream', payloadBytes: SMALL_BYTES },
    needs: 'stream',
    metrics: [
      {
        id: 'messagesPerSecond',
        work: 'W5',
        title: 'thousand messages/s',
        scale: 1e-3,
        better: 'higher',
      },
    ],
  },
  {
    id: 'W8',
    title: 'a fresh process to its first reply',
    load: { kind: 'start' },
    needs: 'start',
    metrics: [
      lower('W8', 'firstReplyMs', 'connect and first reply, ms'),
      lower('W8', 'importMs', 'import of the client, ms'),
    ],
  },
  {
    id: 'W9',
    title: '1 000 connections, 10 of them active in turn',
    load: { kind: 'crowd', payloadBytes: SMALL_BYTES, connections: 1000, active: 10 },
    needs: 'crowd',
    metrics: [
      lower('W7', 'clientBytes', 'memory of the client per connection, KiB', 1 / KIB),
      lower('W7', 'serverBytes', 'memory of the server per connection, KiB', 1 / KIB),
      lower('W7', 'sharedBytes', 'shared memory of both per connection, KiB', 1 / KIB),
      lower('W7', 'processBytes', 'memory of the idle server process, MiB', 1 / MIB),
      lower('W9', 'p99Us', 'p99 of the active, µs'),
      lower('W9', 'p99Rise', 'p99 of the active by that of a single connection'),
      lower('W9', 'idleCpuPercent', 'CPU of both processes when idle, %'),
    ],
  },
  {
    id: 'growth/calls',
    title: 'a million calls, 64 B, 64 in flight',
    load: { kind: 'endurance', payloadBytes: SMALL_BYTES, inFlight: 64, callCount: 1_000_000 },
    needs: 'endurance',
    metrics: [lower('GROWTH', 'lastByFirst', 'time of the last tenth by that of the second')],
  },
];

/** The cases that some works need. */
export function casesFor(works: readonly Work[]): readonly BenchCase[] {
  return CASES.filter(({ metrics }) => metrics.some(({ work }) => works.includes(work)));
}

function latency(id: string, title: string): Metric {
  return lower('W1', id, title);
}

function lower(...[work, id, title, scale = 1]: LowerMetric): Metric {
  return { id, work, title, scale, better: 'lower' };
}

function pipelined(shape: {
  readonly work: 'W2' | 'W3';
  readonly payloadBytes: number;
  readonly inFlight: number;
}): BenchCase {
  const { work, payloadBytes, inFlight } = shape;
  const size = payloadBytes < KIB ? `${payloadBytes} B` : `${payloadBytes / KIB} KiB`;
  const rate: Metric = {
    id: 'callsPerSecond',
    work,
    title: 'thousand calls/s',
    scale: 1e-3,
    better: 'higher',
  };
  const cpu: Metric = {
    id: 'cpuUsPerCall',
    work: 'W6',
    title: 'CPU of both processes per call, µs',
    scale: 1,
    better: 'lower',
  };
  const isW6 = work === 'W2' && inFlight === 64;
  return {
    id: work === 'W2' ? `W2/${inFlight}` : `W3/${size}`,
    title: `unary echo, ${size}, ${inFlight} in flight`,
    load: { kind: 'pipelined', payloadBytes, inFlight },
    metrics: isW6 ? [rate, cpu] : [rate],
  };
}

function transfer(mib: number): BenchCase {
  return {
    id: `W4/${mib} MiB`,
    title: `payload of ${mib} MiB one way, acknowledged, one in flight`,
    load: { kind: 'transfer', payloadBytes: mib * MIB },
    needs: 'transfer',
    metrics: [{ id: 'gigabytesPerSecond', work: 'W4', title: 'GB/s', scale: 1, better: 'higher' }],
  };
}
