import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { SubjectName } from '../subjects/subject-table.js';
import type { LoadResult } from './load.js';

/** What a fresh process says of its start. */
export interface StartReport {
  /** From before the import of the subject's code until it was loaded. */
  readonly importMs: number;
  /** From then to the first reply. */
  readonly firstReplyMs: number;
}

/** Fresh processes per round: their median is the round's figure. */
const STARTS = 5;

const run = promisify(execFile);

/** Starts processes that connect and call once: how long until the first reply? */
export async function measureStart(name: SubjectName): Promise<LoadResult> {
  const script = fileURLToPath(new URL('../children/start-main.js', import.meta.url));
  const reports: StartReport[] = [];
  for (let count = 0; count < STARTS; count++) {
    const { stdout } = await run(process.execPath, [script, name]);
    reports.push(JSON.parse(stdout) as StartReport);
  }
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[STARTS >> 1] ?? NaN;
  return {
    figures: {
      importMs: median(reports.map(({ importMs }) => importMs)),
      firstReplyMs: median(reports.map(({ firstReplyMs }) => firstReplyMs)),
    },
    calls: STARTS,
  };
}
