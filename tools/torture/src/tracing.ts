import { spawn, spawnSync } from 'node:child_process';

import { CLIENT_PROGRAM, TRACER_PROGRAM } from './programs.js';

/** What became of a program that was traced. */
export interface TraceResult {
  /** System calls or instructions that were counted. */
  readonly count: number;
  /** Number of the system call at whose entry it was killed. */
  readonly call: number;
  /** When it was killed, on the monotonic clock. */
  readonly killedAtNs: number;
  /** It came to the end of the part in which it was to be killed. */
  readonly finished: boolean;
  /** The signal that ended it; 0 for none. */
  readonly signal: number;
  /** Its exit code; −1 for none. */
  readonly code: number;
}

/** Where and when a traced program is killed. */
export interface TraceOptions {
  readonly unit: 'calls' | 'instructions';
  /** Of how many; 0 never kills. */
  readonly limit: number;
}

/** Why C clients and their tracing are not to be had here; `undefined` when they are. */
export function whyNoTracing(): string | undefined {
  if (process.platform !== 'linux') return 'ptrace is only used on Linux';
  const { error, stdout } = spawnSync(CLIENT_PROGRAM, { input: '0 probe\n', encoding: 'utf8' });
  if (error !== undefined) return `the torture client cannot be started (${error.message})`;
  const answer = JSON.parse(stdout) as { readonly error?: string };
  return answer.error === undefined ? undefined : `ptrace is not permitted (${answer.error})`;
}

/** Runs a Node program under the tracer, to its end. @throws Error when it cannot be traced */
export async function runTraced(
  options: TraceOptions,
  script: string,
  args: readonly string[],
): Promise<TraceResult> {
  const { unit, limit } = options;
  const words = [unit, String(limit), process.execPath, script, ...args];
  const child = spawn(TRACER_PROGRAM, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const result = JSON.parse(text) as TraceResult & { readonly error?: string };
  if (result.error !== undefined) throw new Error(`Cannot trace: ${result.error}`);
  return result;
}
