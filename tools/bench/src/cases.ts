import type { Load } from './drive/load.js';

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
  /** Whether only the subjects that are for large payloads take part. */
  readonly isTransfer: boolean;
  readonly metrics: readonly Metric[];
}

/** The kinds of work, as `--work` names them. W5 and W7 to W10 are not measured here. */
export const WORKS = ['W1', 'W2', 'W3', 'W4', 'W6'] as const;

/** One of {@link WORKS}. */
export type Work = (typeof WORKS)[number];

const SMALL_BYTES = 64;
const KIB = 1024;
const MIB = 1024 * 1024;

const W1: BenchCase = {
  id: 'W1',
  title: 'unary echo, 64 B, one in flight',
  load: { kind: 'latency', payloadBytes: SMALL_BYTES },
  isTransfer: false,
  metrics: [
    latency('p50Us', 'p50, µs'),
    latency('p99Us', 'p99, µs'),
    latency('p999Us', 'p99.9, µs'),
  ],
};

/** All cases, in the order in which they are measured and shown. */
export const CASES: readonly BenchCase[] = [
  W1,
  pipelined({ work: 'W2', payloadBytes: SMALL_BYTES, inFlight: 8 }),
  pipelined({ work: 'W2', payloadBytes: SMALL_BYTES, inFlight: 64 }),
  pipelined({ work: 'W2', payloadBytes: SMALL_BYTES, inFlight: 256 }),
  pipelined({ work: 'W3', payloadBytes: KIB, inFlight: 64 }),
  pipelined({ work: 'W3', payloadBytes: 16 * KIB, inFlight: 64 }),
  transfer(1),
  transfer(16),
];

/** The cases that some works need. */
export function casesFor(works: readonly Work[]): readonly BenchCase[] {
  return CASES.filter(({ metrics }) => metrics.some(({ work }) => works.includes(work)));
}

function latency(id: string, title: string): Metric {
  return { id, work: 'W1', title, scale: 1, better: 'lower' };
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
    isTransfer: false,
    metrics: isW6 ? [rate, cpu] : [rate],
  };
}

function transfer(mib: number): BenchCase {
  return {
    id: `W4/${mib} MiB`,
    title: `payload of ${mib} MiB one way, acknowledged, one in flight`,
    load: { kind: 'transfer', payloadBytes: mib * MIB },
    isTransfer: true,
    metrics: [{ id: 'gigabytesPerSecond', work: 'W4', title: 'GB/s', scale: 1, better: 'higher' }],
  };
}
