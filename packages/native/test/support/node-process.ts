import { spawn, type ChildProcessByStdio, type StdioOptions } from 'node:child_process';
import type { Readable } from 'node:stream';

import { NATIVE_ENTRY } from './addon.js';

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** How long a program may run. */
const RUN_MS = 20_000;

/** How a program is started. */
export interface NodeOptions {
  /** `process.argv[1 …]`. */
  readonly args?: readonly string[];
  /** Largest file it may make, in blocks of 512 bytes; the signal for it is ignored. */
  readonly limitFileBlocks?: number;
  /** Descriptors it may have open. */
  readonly limitDescriptors?: number;
  /** Called when it has said something for the first time. */
  readonly onFirstOutput?: () => void;
}

/** Runs a program in a Node process of its own; `binding`, `fs`, `net` and `threads` are there. */
export function runNode(program: string, options: NodeOptions = {}): Promise<Ended> {
  const child = startNode(program, options);
  let output = '';
  if (options.onFirstOutput !== undefined) child.stdout.once('data', options.onFirstOutput);
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output });
    });
  });
}

/** As {@link runNode}, without waiting for the end. Owner: the caller, who kills it. */
export function startNode(program: string, options: NodeOptions = {}) {
  const prelude = `
    import fs from 'node:fs';
    import net from 'node:net';
    import threads from 'node:worker_threads';
    import { loadNative } from ${JSON.stringify(NATIVE_ENTRY)};
    const { binding } = loadNative();
  `;
  const { args = [], limitFileBlocks = 'unlimited', limitDescriptors = 1024 } = options;
  const limits = `trap '' XFSZ; ulimit -f ${limitFileBlocks} -n ${limitDescriptors}; exec "$@"`;
  const command = [process.execPath, '--input-type=module', '-e', prelude + program, ...args];
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
  // A shell does not bear every sanitizer: only the program is to have it.
  const { LD_PRELOAD: preload, ...env } = process.env;
  if (preload !== undefined) command.unshift('env', `LD_PRELOAD=${preload}`);
  const child = spawn('bash', ['-c', limits, 'sh', ...command], { stdio, env });
  return child as ChildProcessByStdio<null, Readable, Readable>;
}
