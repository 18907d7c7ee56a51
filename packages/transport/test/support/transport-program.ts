import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const TRANSPORT = createRequire(import.meta.url).resolve('@portcall/transport');

/**
 * Starts a program in a Node process of its own that may open 64 descriptors, and waits for its
 * first word. It has `transport` (the socket transport) and `OPTIONS` of a listener that refuses
 * nobody. Owner: the caller, who kills it.
 */
export async function startTransportProgram(
  program: string,
  ...args: string[]
): Promise<ChildProcess> {
  const prelude = `
    import { createSocketTransport } from '@portcall/transport';
    const transport = createSocketTransport();
    const OPTIONS = {
      ringBytes: 4096, handshakeTimeoutMs: 2000, spin: false, maxSectionSize: 2 ** 20,
      maxTotalSectionSize: 2 ** 23, mode: 0o600, pendingConnectsMax: 1000,
      busyPayload: Uint8Array.of(66), onIncoming: () => undefined,
    };
  `;
  const node = [process.execPath, '--input-type=module', '-e', prelude + program, ...args];
  const child = spawn('bash', ['-c', 'ulimit -n 64; exec "$@"', 'program', ...node], {
    cwd: dirname(TRANSPORT),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the program ended'))),
  ]);
  return child;
}
