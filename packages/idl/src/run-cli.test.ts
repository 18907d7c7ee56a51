import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/temporary.js';
import { runCli } from './run-cli.js';

const GOOD = 'syntax = "proto3"; message A {}';

async function run(args: readonly string[], options: { cwd: string; isTerminal?: boolean }) {
  let out = '';
  let error = '';
  const exitCode = await runCli(args, {
    cwd: options.cwd,
    isTerminal: options.isTerminal ?? false,
    writeOut: (text) => (out += text),
    writeError: (text) => (error += text),
  });
  return { exitCode, out, error };
}

describe('portcall-idl', () => {
  it('generates into the folder given, and is silent when it is no terminal', async () => {
    const cwd = temporaryFolder({ 'a.proto': GOOD });
    const result = await run(['generate', 'a.proto', '--out', 'gen'], { cwd });
    expect(result).toEqual({ exitCode: 0, out: '', error: '' });
    expect(existsSync(join(cwd, 'gen/a.ts'))).toBe(true);
  });

  it('shows a progress line on a terminal', async () => {
    const cwd = temporaryFolder({ 'a.proto': GOOD });
    const args = ['generate', 'a.proto', '--out', 'gen'];
    const { error } = await run(args, { cwd, isTerminal: true });
    expect(error).toMatch(/^\r.*portcall-idl: reading files\r.*2 files, 2 written\n$/s);
  });

  it('expands patterns and finds imports in the folders of -I', async () => {
    const cwd = temporaryFolder({
      'p/a/x.proto': 'syntax = "proto3"; import "y.proto"; message X { Y y = 1; }',
      'q/y.proto': 'syntax = "proto3"; message Y {}',
    });
    const args = ['generate', 'p/*/*.proto', '-I', 'p', '--proto-path', 'q', '--out', 'gen'];
    expect((await run(args, { cwd })).exitCode).toBe(0);
    expect(existsSync(join(cwd, 'gen/a/x.ts'))).toBe(true);
    expect(existsSync(join(cwd, 'gen/y.ts'))).toBe(true);
  });

  it('prints place, line, caret and hint of an error, and gives 1', async () => {
    const cwd = temporaryFolder({
      'a.proto': 'syntax = "proto3";\nmessage A {\n\tint32 a = 0;\n}\n',
    });
    const result = await run(['check', 'a.proto'], { cwd });
    expect(result).toEqual({
      exitCode: 1,
      out: '',
      error: [
        'a.proto:3:12: error: Cannot use field number 0: wanted 1 to 536870911',
        '  \tint32 a = 0;',
        '  \t          ^',
        '  hint: Numbers from 1 to 15 take one byte less',
        '',
        '1 error',
        '',
      ].join('\n'),
    });
  });

  it('gives 0 for a good file', async () => {
    const cwd = temporaryFolder({ 'a.proto': GOOD });
    expect(await run(['check', 'a.proto'], { cwd })).toEqual({ exitCode: 0, out: '', error: '' });
  });

  it.each([[['generate', 'a.proto']], [['check']], [['nothing']]])(
    'gives 1 for %j',
    async (args) => {
      const cwd = temporaryFolder({ 'a.proto': GOOD });
      const { exitCode, error } = await run(args, { cwd });
      expect(exitCode).toBe(1);
      expect(error).toContain('error:');
    },
  );

  it('gives 0 for --help', async () => {
    const { exitCode, out } = await run(['--help'], { cwd: temporaryFolder() });
    expect(exitCode).toBe(0);
    expect(out).toContain('generate');
  });
});
