import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const SHM = dirname(createRequire(import.meta.url).resolve('@portcall/shm'));

/** How long a program may run. */
const RUN_MS = 20_000;

/** Descriptors that it may have open, unless it says otherwise. */
const DESCRIPTORS = 64;

/**
 * Runs a program in a Node process of its own that may open few descriptors. It has `native`, `SHM`
 * (the folder of the built package) and `OPTIONS` of a listener that nobody listens to.
 *
 * @returns what it printed
 */
export function runShmProgram(name: string, program: string, ...args: string[]): Promise<string> {
  const prelude = `
    import { loadNative } from '@portcall/native';
    const native = loadNative().binding;
    const SHM = ${JSON.stringify(SHM)};
    const OPTIONS = {
      ringBytes: 4096, handshakeTimeoutMs: 2000, spin: false, maxSectionSize: 2 ** 20,
      maxTotalSectionSize: 2 ** 23, mode: 0o600, pendingConnectsMax: 1000,
      busyPayload: Uint8Array.of(66), onIncoming: () => undefined,
    };
  `;
  const limited = `ulimit -n ${DESCRIPTORS}; exec "$@"`;
  const node = [process.execPath, '--input-type=module', '-e', prelude + program, ...args];
  return new Promise((resolve, reject) => {
    const command = ['-c', limited, name, ...node];
    execFile('bash', command, { timeout: RUN_MS, cwd: SHM }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${name}: ${error.message}\n${stdout}\n${stderr}`));
    });
  });
}
