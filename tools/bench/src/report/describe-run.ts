import { availableParallelism, cpus, loadavg, release, type } from 'node:os';
import { relative } from 'node:path';

import type { BenchOptions } from '../options.js';
import { SUBJECTS, type SubjectName } from '../subjects/subject-table.js';

/** Under what circumstances the figures came about. */
export interface RunDescription {
  readonly startedAt: string;
  readonly command: string;
  readonly cpuModel: string;
  readonly cores: number;
  readonly kernel: string;
  readonly nodeVersion: string;
  /** Load average over one minute when the run began: what else the machine did. */
  readonly loadAverage: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly compileMs: number;
  readonly warmupMs: number;
  readonly settleMs: number;
  readonly subjects: Readonly<Partial<Record<SubjectName, string>>>;
}

/** Describes this machine and what a run on it will do. */
export function describeRun({ schedule, subjects }: BenchOptions): RunDescription {
  const script = relative(process.cwd(), process.argv[1] ?? '');
  return {
    startedAt: new Date().toISOString(),
    command: ['node', script, ...process.argv.slice(2)].join(' '),
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    kernel: `${type()} ${release()}`,
    nodeVersion: process.version,
    loadAverage: loadavg()[0] ?? 0,
    ...schedule,
    subjects: Object.fromEntries(subjects.map((name) => [name, SUBJECTS[name].about])),
  };
}

/** Fewer rounds than this are for trying things out. */
const ROUNDS_MIN = 5;

/** The description as the head of the printed report. */
export function formatRun(run: RunDescription): string {
  const names = Object.entries(run.subjects);
  const width = Math.max(...names.map(([name]) => name.length));
  const fewRounds = run.rounds < ROUNDS_MIN ? ` (fewer than ${ROUNDS_MIN}: only a trial)` : '';
  const { cpuModel, cores, kernel, loadAverage } = run;
  return [
    `command   ${run.command}`,
    `started   ${run.startedAt}`,
    `machine   ${cpuModel}, ${cores} cores, ${kernel}, load ${loadAverage.toFixed(2)}`,
    `node      ${run.nodeVersion}`,
    `rounds    ${run.rounds}${fewRounds}, interleaved, of ${run.roundMs} ms per subject`,
    `warm-up   ${run.compileMs} ms per subject, ${run.warmupMs} ms more per case,` +
      ` ${run.settleMs} ms more per round`,
    '',
    ...names.map(([name, about]) => `${name.padEnd(width)}  ${about}`),
  ].join('\n');
}
