import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/digest/main.js', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the digest example', () => {
  let folder: string;
  let runtime: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'digest-'));
    runtime = join(folder, 'run');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function run(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    const options = { env: { ...process.env, PORTCALL_RUNTIME_DIR: runtime, ...env } };
    return new Promise((resolve) => {
      execFile(process.execPath, [main, ...args], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  it('digests the Node executable as one message, and says who asked', async () => {
    const { code, stdout } = await run(['--all', process.execPath, main]);
    expect(code).toBe(0);
    const digest = createHash('sha256').update(readFileSync(process.execPath)).digest('hex');
    expect(stdout).toContain(digest.slice(0, 16));
    expect(stdout).toMatch(/section/);
    expect(stdout).toMatch(/inline/);
    expect(stdout).toContain(`uid ${process.getuid?.()}, ${process.execPath}`);
    expect(stdout).toContain("2 of 2 files: the service's digest equals our own");
    expect(readdirSync(runtime)).toEqual([]);
  });

  it('does the same without the addon, except that nobody knows who asked', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'content');
    const { code, stderr, stdout } = await run([file], { PORTCALL_NATIVE: 'off' });
    // The service insists on knowing its caller, and says so.
    expect(code).toBe(2);
    expect(stdout).toContain('no shared memory: switched off by PORTCALL_NATIVE=off');
    expect(stderr).toContain('The kernel did not say who is calling');
  });

  it('ends with a clear error and another code for a file that is not there', async () => {
    const { code, stderr } = await run([join(folder, 'missing')]);
    expect(code).toBe(2);
    expect(stderr).toContain('digest: ENOENT');
  });

  it('ends with a clear error when the runtime directory cannot be used', async () => {
    const blocked = join(folder, 'blocked');
    writeFileSync(blocked, '');
    const { code, stderr } = await run([main], { PORTCALL_RUNTIME_DIR: join(blocked, 'run') });
    expect(code).toBe(2);
    expect(stderr).toContain('ACCESS_DENIED');
    expect(stderr).toContain('set PORTCALL_RUNTIME_DIR');
  });
});
