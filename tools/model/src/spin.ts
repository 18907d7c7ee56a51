import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { SpinCase } from './spin-cases.js';

const MODELS = new URL('../spin/', import.meta.url);

/** Steps of the deepest path: far more than any of these models has. */
const DEPTH_MAX = 400_000;

/** The longest of one run: they take seconds. */
const RUN_MS = 120_000;

/** What one run of spin came to. */
export interface SpinOutcome {
  readonly states: number;
  /** What spin says is wrong; undefined when it went through all states and nothing is. */
  readonly error: string | undefined;
}

/** @returns the programs among spin and cc that this machine does not have */
export function missingPrograms(): readonly string[] {
  const has = (name: string, flag: string): boolean =>
    spawnSync(name, [flag], { stdio: 'ignore' }).status === 0;
  const missing = has('spin', '-V') ? [] : ['spin'];
  return has('cc', '--version') ? missing : [...missing, 'cc'];
}

/**
 * Goes through all states of a model, in a folder of its own.
 *
 * @throws Error when spin, the compiler or the checker fails, or a search was cut short: that says
 * nothing about the model
 */
export function runSpin({ model, defines }: SpinCase): SpinOutcome {
  const folder = mkdtempSync(join(tmpdir(), 'portcall-spin-'));
  try {
    const file = fileURLToPath(new URL(`${model}.pml`, MODELS));
    const flags = defines.map((define) => `-D${define}`);
    const options = { cwd: folder, encoding: 'utf8', timeout: RUN_MS, stdio: 'pipe' } as const;
    execFileSync('spin', ['-a', ...flags, file], options);
    const isLive = defines.includes('LIVENESS');
    const kind = isLive ? ['-DNFAIR=4'] : ['-DSAFETY', '-DNOCLAIM'];
    execFileSync('cc', ['-O2', '-w', ...kind, '-o', 'pan', 'pan.c'], options);
    const search = isLive ? ['-a', '-f'] : [];
    const text = execFileSync(join(folder, 'pan'), [`-m${DEPTH_MAX}`, ...search], options);
    return readOutcome(text);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the checker's report. @throws Error when it is none, or of a search that was cut short */
export function readOutcome(text: string): SpinOutcome {
  const errors = /errors: (\d+)/.exec(text)?.[1];
  const states = /(\d+) states, stored/.exec(text)?.[1];
  const isCut = /max search depth too small|out of memory|Search not completed/i.test(text);
  if (errors === undefined || states === undefined || (isCut && errors === '0')) {
    throw new Error(`Cannot read what spin found: ${text.slice(0, 400)}`);
  }
  const found = /^pan:\d+: (.*)$/m.exec(text)?.[1];
  const error = errors === '0' ? undefined : (found ?? `${errors} errors`);
  return { states: Number(states), error };
}
