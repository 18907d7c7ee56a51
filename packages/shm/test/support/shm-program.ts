import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const SHM = dirname(createRequire(import.meta.url).resolve('@portcall/shm'));

/** How long a program may run. */
const RUN_MS = 20_000;

/** Descriptors that it may have open, unless it says otherwise. */
const DESCRIPTORS = 64;

/** What every program begins with. */
const PRELUDE = `
  import { loadNative } from '@portcall/native';
  const native = loadNative().binding;
  const SHM = ${JSON.stringify(SHM)};
  const { listenShm } = await import(SHM + '/listen-shm.js');
  const { connectShm } = await import(SHM + '/connect-shm.js');
  const OPTIONS = {
    ringBytes: 4096, handshakeTimeoutMs: 2000, spin: false, maxSectionSize: 2 ** 20,
    maxTotalSectionSize: 2 ** 23, mode: 0o600, pendingConnectsMax: 1000,
    busyPayload: Uint8Array.of(66), onIncoming: () => undefined,
  };
`;

function commandOf(name: string, program: string, args: readonly string[]): string[] {
  const limited = `ulimit -n ${DESCRIPTORS}; exec "$@"`;
  const node = [process.execPath, '--input-type=module', '-e', PRELUDE + program, ...args];
  return ['-c', limited, name, ...node];
}

/**
 * Runs a program in a Node process of its own that may open few descriptors. It has `native`,
 * `listenShm`, `connectShm`, `SHM` (the folder of the built package) and `OPTIONS` for both.
 *
 * @returns what it printed
 */
export function runShmProgram(name: string, program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: RUN_MS, cwd: SHM };
    execFile('bash', commandOf(name, program, args), options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${name}: ${error.message}\n${stdout}\n${stderr}`));
    });
  });
}

/** How a program is started. */
export interface ProgramOptions {
  /** In a namespace of processes of its own; takes root. */
  readonly isOtherNamespace?: boolean;
  /** Becomes its descriptor 3; then it is not waited for. */
  readonly inherits?: number;
}

/** As {@link runShmProgram}, up to its first word. Owner: the caller, who kills it. */
export async function startShmProgram(
  name: string,
  program: string,
  options: ProgramOptions = {},
  ...args: string[]
): Promise<ChildProcess> {
  const { isOtherNamespace = false, inherits } = options;
  const command = ['bash', ...commandOf(name, program, args)];
  if (isOtherNamespace) command.unshift('unshare', '--pid', '--fork', '--kill-child');
  const [file = '', ...rest] = command;
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', inherits ?? 'ignore'];
  const child = spawn(file, rest, { cwd: SHM, stdio });
  const { stdout } = child;
  if (inherits !== undefined || stdout === null) return child;
  await Promise.race([
    once(stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended`))),
  ]);
  return child;
}
