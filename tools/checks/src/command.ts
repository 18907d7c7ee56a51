import { spawn } from 'node:child_process';

/** How a command is run. */
export interface CommandOptions {
  readonly cwd: string;
  /** The whole environment; by default that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** When it passes, the command and everything it started is killed; by default no limit. */
  readonly timeoutMs?: number;
  /** Lets the command write to this process's terminal; then `output` is empty. Default false. */
  readonly inherit?: boolean;
}

/** How a command ended. */
export interface CommandResult {
  readonly ok: boolean;
  /**
   * What it wrote to stdout and stderr, and a last line about a signal or a limit if there was one.
   */
  readonly output: string;
}

/**
 * Runs a command to its end. It never rejects: a command that cannot be started is a result too.
 * With `timeoutMs` the command leads its own process group, and what is left of that group is
 * killed when the command ends, so that no forgotten child outlives it.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { cwd, env = process.env, timeoutMs, inherit = false } = options;
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    detached: timeoutMs !== undefined,
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const killGroup = (): void => {
    if (timeoutMs !== undefined && child.pid !== undefined) killProcessGroup(child.pid);
  };
  const timer = setTimeout(() => {
    output += `\nkilled: still running after ${timeoutMs} ms\n`;
    killGroup();
  }, timeoutMs ?? 0);
  if (timeoutMs === undefined) clearTimeout(timer);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ ok: false, output: `${output}\n${error.message}\n` });
    });
    child.once('exit', killGroup);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const ending = signal === null ? '' : `\nended by ${signal}\n`;
      resolve({ ok: code === 0, output: output + ending });
    });
  });
}

function killProcessGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // The group is gone, which is what we want.
  }
}
