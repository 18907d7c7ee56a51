import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { runCommand } from './command.js';
import type { GateStepResult } from './gate-steps.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { addReports, type TestReport } from './test-report.js';
import { runVitest } from './vitest-run.js';

/** Which sanitizers: memory errors and undefined behaviour, or data races. */
export type SanitizerSet = 'address' | 'thread';

interface SanitizerBuild {
  readonly flags: string;
  /** Libraries of the compiler that must be in the process before everything else. */
  readonly runtimes: readonly string[];
  /** Functions of the planted addon, with what the report about each must say. */
  readonly planted: Readonly<Record<string, string>>;
}

const COMMON_FLAGS = '-fno-omit-frame-pointer -U_FORTIFY_SOURCE';

const BUILDS: Readonly<Record<SanitizerSet, SanitizerBuild>> = {
  address: {
    // Undefined behaviour traps, and AddressSanitizer reports the trap with its line: UBSan's own
    // runtime writes to stderr only, where a test that expects a failure would hide it.
    flags: `-fsanitize=address,undefined -fsanitize-undefined-trap-on-error ${COMMON_FLAGS}`,
    runtimes: ['libasan.so'],
    planted: {
      overflow: 'heap-buffer-overflow',
      useAfterFree: 'heap-use-after-free',
      undefinedSum: 'ILL on unknown address',
    },
  },
  thread: {
    flags: `-fsanitize=thread ${COMMON_FLAGS}`,
    runtimes: ['libtsan.so'],
    planted: { race: 'data race' },
  },
};

/** How long the planted addon may take to be caught. */
const PLANTED_MS = 60_000;

const NATIVE = join(REPOSITORY_ROOT, 'packages/native');

/** What a sanitized run has: a folder for builds and reports, and its environment. */
interface SanitizedWorld {
  readonly folder: string;
  readonly build: SanitizerBuild;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Builds the addon with sanitizers and runs tests with it, in an ordinary node with the runtimes
 * preloaded. Any report fails the run, also one that a test took for the end it wanted, and so does
 * a fault of the planted addon that is not reported. Leaks are not looked for: node keeps memory to
 * its end, and the tests count descriptors and maps themselves.
 *
 * @param filters which test files; default those of the addon
 */
export async function runSanitized(
  set: SanitizerSet,
  filters: readonly string[] = ['packages/native'],
): Promise<GateStepResult> {
  const build = BUILDS[set];
  const runtimes = await Promise.all(build.runtimes.map(findRuntime));
  const missing = build.runtimes.filter((_, index) => runtimes[index] === undefined);
  if (missing.length > 0) return skipped(set, `the C compiler has no ${missing.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'portcall-sanitized-'));
  try {
    const env = sanitizedEnv(folder, runtimes.join(' '));
    return await runIn({ folder, build, env }, filters);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(world: SanitizedWorld, filters: readonly string[]): Promise<GateStepResult> {
  const addon = join(world.folder, 'addon.node');
  const faulty = join(world.folder, 'planted.node');
  const builds = [
    await buildAddon(world, addon, join(NATIVE, 'linux')),
    await buildAddon(world, faulty, join(NATIVE, 'test/planted')),
  ];
  const failed = builds.find(({ ok }) => !ok);
  if (failed !== undefined) return { report: FAILED, output: failed.output };
  const planted = await runPlanted(world, faulty);
  const env = { ...world.env, PORTCALL_NATIVE: addon };
  const tests = await runVitest({ root: REPOSITORY_ROOT, env, filters });
  const reports = takeReports(world.folder);
  const silent = reports === '' ? PASSED : FAILED;
  return {
    report: addReports([planted.report, tests.report, silent]),
    output: `${planted.output}${tests.output}${reports}`,
  };
}

/** Each planted fault counts as one test: it passes when it is reported. */
async function runPlanted(world: SanitizedWorld, addon: string): Promise<GateStepResult> {
  let output = '';
  const reports: TestReport[] = [];
  for (const [fault, words] of Object.entries(world.build.planted)) {
    const program = `require(process.argv[1])[process.argv[2]](24)`;
    const args = ['-e', program, addon, fault];
    const options = { cwd: REPOSITORY_ROOT, env: world.env, timeoutMs: PLANTED_MS };
    const run = await runCommand(process.execPath, args, options);
    const isCaught = takeReports(world.folder).includes(words);
    reports.push(isCaught ? PASSED : FAILED);
    if (!isCaught) output += `planted fault "${fault}" was not reported\n${run.output}`;
  }
  return { report: addReports(reports), output };
}

function buildAddon(world: SanitizedWorld, output: string, sources: string) {
  const { PATH, CC } = process.env;
  return runCommand(process.execPath, [join(NATIVE, 'build.mjs')], {
    cwd: REPOSITORY_ROOT,
    env: {
      PATH,
      ...(CC === undefined ? {} : { CC }),
      PORTCALL_CFLAGS: world.build.flags,
      PORTCALL_ADDON_OUTPUT: output,
      PORTCALL_ADDON_SOURCES: sources,
    },
  });
}

/** Reports go to files: a test may catch the output of a process that it expects to fail. */
function sanitizedEnv(folder: string, preload: string): NodeJS.ProcessEnv {
  const common = `log_path=${join(folder, 'report')}:halt_on_error=1`;
  return {
    ...process.env,
    PORTCALL_SANITIZED: '1',
    LD_PRELOAD: preload,
    ASAN_OPTIONS: `${common}:detect_leaks=0:abort_on_error=1:handle_sigill=1`,
    // Node itself is not instrumented: only what the addon's own code does is looked at.
    TSAN_OPTIONS: `${common}:ignore_noninstrumented_modules=1:report_signal_unsafe=0`,
  };
}

function takeReports(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.startsWith('report'));
  return names
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      rmSync(join(folder, name));
      return text;
    })
    .join('\n');
}

/** Path of a library of the C compiler; `undefined` where it has none. */
async function findRuntime(name: string): Promise<string | undefined> {
  const compiler = process.env['CC'] ?? 'cc';
  const { ok, output } = await runCommand(compiler, [`-print-file-name=${name}`], {
    cwd: REPOSITORY_ROOT,
  });
  const path = output.trim();
  return ok && isAbsolute(path) && existsSync(path) ? path : undefined;
}

function skipped(set: SanitizerSet, reason: string): GateStepResult {
  return {
    report: { passed: 0, failed: 0, skipped: [{ name: `sanitizers: ${set}`, reason }] },
    output: '',
  };
}

const PASSED: TestReport = { passed: 1, failed: 0, skipped: [] };
const FAILED: TestReport = { passed: 0, failed: 1, skipped: [] };
