import { describe, expect, it } from 'vitest';

import { runCommand } from './command.js';

const cwd = process.cwd();

describe('runCommand()', () => {
  it('gives what the command wrote', async () => {
    const script = `console.log('out'); console.error('err');`;
    const { ok, output } = await runCommand(process.execPath, ['-e', script], { cwd });
    expect(ok).toBe(true);
    expect(output).toContain('out\n');
    expect(output).toContain('err\n');
  });

  it('is not ok for another exit code, a signal, a command that is missing', async () => {
    const node = process.execPath;
    expect((await runCommand(node, ['-e', 'process.exit(2)'], { cwd })).ok).toBe(false);
    const killed = await runCommand(node, ['-e', `process.kill(process.pid, 'SIGTERM')`], { cwd });
    expect(killed).toEqual({ ok: false, output: expect.stringContaining('SIGTERM') });
    const missing = await runCommand('/nowhere/command', [], { cwd });
    expect(missing).toEqual({ ok: false, output: expect.stringContaining('ENOENT') });
  });

  it('ends a command at its limit, with everything that it started', async () => {
    // Without the kill of the group, the inner sleep would hold the pipe for a minute.
    const options = { cwd, timeoutMs: 300 };
    const { ok, output } = await runCommand('bash', ['-c', 'sleep 60 & sleep 60'], options);
    expect(ok).toBe(false);
    expect(output).toContain('still running after 300 ms');
  });

  it('ends what a command with a limit leaves behind', async () => {
    const options = { cwd, timeoutMs: 20_000 };
    const { ok } = await runCommand('bash', ['-c', 'sleep 60 & exit 0'], options);
    expect(ok).toBe(true);
  });
});
