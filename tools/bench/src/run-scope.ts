import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { BenchChild } from './children/bench-child.js';

/** What must not outlive the run: its processes, and the directory with their sockets. */
export interface RunScope {
  /** Has a process ended with the run. */
  own(child: BenchChild): void;
  /** Ends the processes and removes the directory, at once. Safe to call twice. */
  close(): void;
}

/** Signals that end the run, and their numbers for the exit code. Source: signal(7). */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Makes a fresh runtime directory for this process and its children, and sees to it that nothing
 * remains, also when the process is interrupted or fails.
 */
export function openRunScope(): RunScope {
  // mkdtemp gives mode 700, which Portcall wants of a runtime directory.
  const directory = mkdtempSync(join(tmpdir(), 'portcall-bench-'));
  process.env['PORTCALL_RUNTIME_DIR'] = directory;
  const children = new Set<BenchChild>();
  const close = (): void => {
    for (const child of children) child.kill();
    children.clear();
    rmSync(directory, { recursive: true, force: true });
  };
  process.on('exit', close);
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => process.exit(128 + number));
  }
  return { own: (child) => children.add(child), close };
}
