/*
 * `npm run fuzz -- [--target NAME|all|c|c-afl|flip|storm] [--seconds N] [--seed N]
 * [--plant FAULT]`; see ../README.md.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCHarness, type CEngine } from './c-target.js';
import { withFault } from './faults.js';
import { parseFuzzOptions } from './fuzz-options.js';
import { fuzz, type FuzzResult } from './fuzz-run.js';
import { fuzzTargets } from './target-table.js';
import { FLIP_SIZES, flipTexts, type FlipKind } from './text-flip.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** Lines of an engine's output that are shown: its totals, or its report. */
const REPORT_LINES = 40;

const options = parseFuzzOptions(process.argv.slice(2));

if (options.target === 'c') await runC('libfuzzer');
else if (options.target === 'c-afl') await runC('afl');
else if (options.target === 'flip') await runFlips();
else if (options.target === 'storm') runStorm();
else await runTargets();

/** The test of `@portcall/port` with that name, for so long. */
function runStorm(): void {
  const vitest = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', 'hostile-storms'], {
    cwd: REPOSITORY,
    stdio: 'inherit',
    env: { ...process.env, PORTCALL_STORM_MS: String(options.seconds * 1000) },
  });
  if (status !== 0) process.exitCode = 1;
}

/** Each kind, its time divided among the sizes. */
async function runFlips(): Promise<void> {
  const kinds: FlipKind[] = options.plant === undefined ? ['ring', 'section'] : ['planted'];
  for (const kind of kinds) {
    for (const sizeBytes of FLIP_SIZES) {
      const timeMs = (options.seconds * 1000) / FLIP_SIZES.length;
      const result = await flipTexts(kind, sizeBytes, { timeMs, seed: options.seed });
      const { reads, decoded, mixed, rounds, faults } = result;
      console.log(
        `${faults.length === 0 ? 'ok     ' : 'FAILED '} flip ${kind} ${sizeBytes} bytes: ` +
          `${reads} reads, ${decoded} decoded, ${mixed} mixed or refused, ` +
          `${rounds} rounds of the attacker`,
      );
      for (const fault of faults) console.log(`  ${fault}`);
      if (faults.length > 0) process.exitCode = 1;
    }
  }
}

async function runC(engine: CEngine): Promise<void> {
  const { seconds, seed, plant } = options;
  const isPlanted = plant !== undefined;
  const { ok, output } = await runCHarness({ engine, seconds, seed, isPlanted });
  console.log(output.trimEnd().split('\n').slice(-REPORT_LINES).join('\n'));
  console.log(
    `${ok ? 'ok     ' : 'FAILED '} ancillary.c under ${engine}, ${seconds} s, seed ${seed}`,
  );
  if (!ok) process.exitCode = 1;
}

async function runTargets(): Promise<void> {
  const all = await fuzzTargets();
  const chosen = all.filter(({ name }) => options.target === 'all' || options.target === name);
  if (chosen.length === 0) {
    const names = all.map(({ name }) => name).join(', ');
    const wanted = `all, c, c-afl, flip, storm, ${names}`;
    throw new RangeError(`Cannot fuzz: target is "${options.target}", wanted ${wanted}`);
  }
  console.log(`fuzz: ${options.seconds} s each, seed ${options.seed}, Node ${process.version}`);
  for (const target of chosen) {
    const tested = options.plant === undefined ? target : withFault(target, options.plant);
    const limits = { executionsMax: Infinity, timeMs: options.seconds * 1000, seed: options.seed };
    report(target.name, fuzz(tested, target.seeds(), limits));
  }
}

function report(name: string, result: FuzzResult): void {
  const { executions, elapsedMs, accepted, kinds, violation } = result;
  const rate = Math.round(executions / (elapsedMs / 1000));
  console.log(
    `${violation === undefined ? 'ok     ' : 'FAILED '} ${name.padEnd(16)} ${executions} inputs, ` +
      `${rate}/s, ${accepted} accepted, ${kinds} kinds of outcome`,
  );
  if (violation === undefined) return;
  process.exitCode = 1;
  console.log(
    `  ${violation.text}\n  input: ${Buffer.from(violation.input).toString('hex') || '-'}`,
  );
}
