import { parseArgs } from 'node:util';

import { WORKS, type Work } from './cases.js';
import type { Schedule } from './run-cases.js';
import {
  SUBJECTS,
  SUBJECT_NAMES,
  isSubjectName,
  type SubjectName,
} from './subjects/subject-table.js';

/** What a run of the benchmark is to do. */
export interface BenchOptions {
  readonly works: readonly Work[];
  readonly subjects: readonly SubjectName[];
  /** Whether to measure the machine itself too, by a program in C. */
  readonly floors: boolean;
  readonly schedule: Schedule;
  /** Where the results go; the default place when left out. */
  readonly jsonFile: string | undefined;
  /** Where the plot goes; the default place when left out. */
  readonly svgFile: string | undefined;
}

/** How to use the program. */
export const USAGE = `Usage: npm run bench -- [options]

  --quick            short rounds and fewer subjects: under two minutes in all
  --work <list>      of ${WORKS.join(',').toLowerCase()}; default: all
  --subjects <list>  of ${SUBJECT_NAMES.slice(0, 4).join(',')},
                     ${SUBJECT_NAMES.slice(4).join(',')}
                     default: all; with --quick not portcall-port and
                     net-proto-unbatched
  --floors           measures the machine itself too, by a program in C
  --rounds <n>       default: 5; with fewer no figure may enter a document
  --round-ms <n>     time per subject and round; default: 1500, with --quick 250
  --json <file>      default: bench-results/<timestamp>.json and bench-results/latest.json
  --svg <file>       default: bench-results/<timestamp>.svg and bench-results/latest.svg
  --help             this text
`;

const ROUNDS = 5;
const ROUND_MS = 1500;
const QUICK_ROUND_MS = 250;

/** After this long at full speed the compiler has seen what matters. */
const COMPILE_MS_MIN = 700;

/** The least that a new case takes to become steady. */
const WARMUP_MS_MIN = 200;

/**
 * Reads the command line.
 *
 * @returns `undefined` when help was asked for
 * @throws TypeError for an option that does not exist; RangeError for a value that is not possible
 */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      floors: { type: 'boolean', default: false },
      work: { type: 'string' },
      subjects: { type: 'string' },
      rounds: { type: 'string' },
      'round-ms': { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const roundMs = parseCount('--round-ms', values['round-ms']);
  return {
    works: values.work === undefined ? WORKS : parseWorks(values.work),
    floors: values.floors,
    subjects:
      values.subjects === undefined
        ? defaultSubjects(values.quick)
        : parseSubjects(values.subjects),
    schedule: scheduleOf(roundMs ?? (values.quick ? QUICK_ROUND_MS : ROUND_MS), {
      rounds: parseCount('--rounds', values.rounds) ?? ROUNDS,
    }),
    jsonFile: values.json,
    svgFile: values.svg,
  };
}

/** Warm-up is half a round but long enough, and before each round again a little. */
function scheduleOf(roundMs: number, { rounds }: { readonly rounds: number }): Schedule {
  return {
    rounds,
    roundMs,
    compileMs: Math.max(Math.ceil(roundMs / 2), COMPILE_MS_MIN),
    warmupMs: Math.max(Math.ceil(roundMs / 2), WARMUP_MS_MIN),
    settleMs: Math.ceil(roundMs / 8),
  };
}

function defaultSubjects(isQuick: boolean): readonly SubjectName[] {
  return SUBJECT_NAMES.filter((name) => SUBJECTS[name].isQuick || !isQuick);
}

/** In the order of the table, whatever the order on the command line. */
function parseWorks(list: string): readonly Work[] {
  const wanted = splitList(list).map((name) => name.toUpperCase());
  refuseUnknown('--work', wanted, isWork);
  return WORKS.filter((work) => wanted.includes(work));
}

function isWork(name: string): boolean {
  return (WORKS as readonly string[]).includes(name);
}

function parseSubjects(list: string): readonly SubjectName[] {
  const wanted = splitList(list);
  refuseUnknown('--subjects', wanted, isSubjectName);
  return SUBJECT_NAMES.filter((name) => wanted.includes(name));
}

function splitList(list: string): string[] {
  return list.split(',').map((part) => part.trim());
}

function refuseUnknown(
  option: string,
  names: readonly string[],
  isKnown: (name: string) => boolean,
): void {
  const unknown = names.find((name) => !isKnown(name));
  if (unknown === undefined) return;
  throw new RangeError(`Cannot use ${option}: there is no "${unknown}"`);
}

function parseCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`Cannot use ${option}: value is "${text}", wanted a whole number from 1`);
}
