import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How long the service may take to start, in milliseconds. */
const START_TIMEOUT_MS = 10_000;

/**
 * Starts the service in a process of its own.
 *
 * @throws Error when it ends or says nothing in time
 */
export function startService(portName: string): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./service.js', import.meta.url)), [portName]);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the service did not start within ${START_TIMEOUT_MS} ms`));
    }, START_TIMEOUT_MS);
    child.once('message', () => {
      clearTimeout(timer);
      resolve(child);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the service ended before it was ready (${signal ?? `code ${code}`})`));
    });
  });
}
