import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { seedsOf } from './seeds.js';

/** Whose engine drives the harness. */
export type CEngine = 'libfuzzer' | 'afl';

/** How the harness is run. */
export interface CRunOptions {
  readonly engine: CEngine;
  /** Ends after so many seconds; 0 for no limit. */
  readonly seconds: number;
  /** libFuzzer only: ends after so many inputs. */
  readonly runs?: number;
  readonly seed: number;
  /** Builds the harness with its fault. */
  readonly isPlanted: boolean;
}

/** How a run ended. */
export interface CRun {
  /** Nothing was found. */
  readonly ok: boolean;
  readonly output: string;
}

const NATIVE = fileURLToPath(new URL('../native/', import.meta.url));
const ADDON_SOURCES = fileURLToPath(new URL('../../../packages/native/linux/', import.meta.url));

/** Longest input: more than one control buffer. */
const INPUT_BYTES_MAX = 2048;

const COMPILERS: Readonly<Record<CEngine, string>> = { libfuzzer: 'clang', afl: 'afl-clang-fast' };

/** Why the harness cannot be built here; `undefined` when it can. */
export function whyNoEngine(engine: CEngine): string | undefined {
  const compiler = COMPILERS[engine];
  const flags = ['-fsanitize=fuzzer', '-x', 'c', '-', '-o', '/dev/null'];
  const program = 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n ? 0 : 0; }';
  const tried = spawnSync(compiler, flags, { input: program, env: aflEnv() });
  if (tried.status === 0) return undefined;
  const packages = engine === 'afl' ? 'afl++' : 'clang and libclang-rt-14-dev';
  return `${compiler} cannot build a fuzzer here (Debian: ${packages})`;
}

/** Builds and runs the harness of the addon's control messages. @throws Error when it cannot */
export async function runCHarness(options: CRunOptions): Promise<CRun> {
  const reason = whyNoEngine(options.engine);
  if (reason !== undefined) throw new Error(`Cannot fuzz C: ${reason}`);
  const folder = mkdtempSync(join(tmpdir(), 'portcall-fuzz-'));
  try {
    const program = buildHarness(folder, options);
    const corpus = join(folder, 'corpus');
    mkdirSync(corpus);
    seedsOf('ancillary').forEach((seed, index) => writeFileSync(join(corpus, `${index}`), seed));
    return options.engine === 'afl'
      ? await runAfl(folder, program, options)
      : await runLibFuzzer(folder, program, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function buildHarness(folder: string, { engine, isPlanted }: CRunOptions): string {
  const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers') as {
    readonly include_dir: string;
  };
  const program = join(folder, 'harness');
  const flags = ['-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-Wall', '-Wextra', '-Werror'];
  if (isPlanted) flags.push('-DPC_FUZZ_PLANT');
  flags.push('-fno-sanitize-recover=all', `-I${headers}`, `-I${ADDON_SOURCES}`);
  const args = [...flags, join(NATIVE, 'ancillary-fuzz.c'), '-o', program];
  const built = spawnSync(COMPILERS[engine], args, { encoding: 'utf8', env: aflEnv() });
  if (built.status === 0) return program;
  throw new Error(`Cannot build the harness: ${built.stderr}`);
}

function runLibFuzzer(folder: string, program: string, options: CRunOptions): Promise<CRun> {
  const { seconds, runs, seed } = options;
  const args = [`-seed=${seed + 1}`, `-max_len=${INPUT_BYTES_MAX}`, '-print_final_stats=1'];
  if (seconds > 0) args.push(`-max_total_time=${seconds}`);
  if (runs !== undefined) args.push(`-runs=${runs}`);
  return run(program, [
    ...args,
    '-verbosity=0',
    `-artifact_prefix=${folder}/`,
    join(folder, 'corpus'),
  ]);
}

async function runAfl(folder: string, program: string, options: CRunOptions): Promise<CRun> {
  const found = join(folder, 'found');
  const limits = ['-V', String(Math.max(1, options.seconds)), '-m', 'none'];
  limits.push('-s', String(options.seed), '-G', String(INPUT_BYTES_MAX));
  const folders = ['-i', join(folder, 'corpus'), '-o', found];
  const { ok, output } = await run('afl-fuzz', [...limits, ...folders, '--', program]);
  const crashes = join(found, 'default', 'crashes');
  const inputs = ok ? readdirSync(crashes).filter((name) => name.startsWith('id')) : [];
  const statistics = ok ? readFileSync(join(found, 'default', 'fuzzer_stats'), 'utf8') : '';
  const totals = statistics.split('\n').filter((line) => /^execs_(done|per_sec)/.test(line));
  const text = [...totals, `crashes           : ${inputs.length}`].join('\n');
  return { ok: ok && inputs.length === 0, output: ok ? text : output };
}

function aflEnv(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    AFL_NO_UI: '1',
    AFL_QUIET: '1',
    AFL_SKIP_CPUFREQ: '1',
    AFL_NO_AFFINITY: '1',
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES: '1',
  };
}

function run(program: string, args: readonly string[]): Promise<CRun> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: aflEnv() });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ok: code === 0, output }));
  });
}
