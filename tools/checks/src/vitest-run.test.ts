import { symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

// The built module, because it hands the built reporter beside it to a vitest of its own.
import { judgeReport, runVitest, type VitestRun } from '../dist/vitest-run.js';
import { writeTree } from '../test/write-tree.js';
import { REPOSITORY_ROOT } from './repository-root.js';

const IMPORT = `import { beforeAll, describe, expect, it } from 'vitest';\n`;

function run(files: Readonly<Record<string, string>>): Promise<VitestRun> {
  const root = writeTree(files);
  symlinkSync(join(REPOSITORY_ROOT, 'node_modules'), join(root, 'node_modules'));
  // What this test runs in must not reach the inner vitest.
  const env = { PATH: process.env['PATH'] };
  return runVitest({ root, env });
}

describe('runVitest()', () => {
  it('counts passed, failed and skipped tests, with the reasons', async () => {
    const { report, output } = await run({
      'a.test.js': `${IMPORT}
        describe('suite', () => {
          it('passes', () => {});
          it('fails', () => expect(1).toBe(2));
          it.skip('skips', () => {});
          it('skips late', (context) => context.skip('no memfd here'));
          it.todo('waits');
        });`,
    });
    expect(report).toEqual({
      passed: 1,
      failed: 1,
      skipped: [
        { name: 'a.test.js > suite > skips', reason: '' },
        { name: 'a.test.js > suite > skips late', reason: 'no memfd here' },
        { name: 'a.test.js > suite > waits', reason: '' },
      ],
    });
    expect(output).toContain('a.test.js');
  });

  it('counts files, hooks and stray errors that fail outside a test', async () => {
    const { report } = await run({
      'import.test.js': `import './missing.js';`,
      'hook.test.js': `${IMPORT}
        beforeAll(() => { throw new Error('planted'); });
        it('passes', () => {});`,
      'stray.test.js': `${IMPORT}
        it('passes', () => { void Promise.reject(new Error('planted')); });`,
    });
    expect(report.passed).toBe(1);
    expect(report.failed).toBe(3);
  });

  it('takes it.only as a failure', async () => {
    const text = `${IMPORT}it.only('one', () => {}); it('two', () => {});`;
    const { report } = await run({ 'a.test.js': text });
    expect(report.failed).toBeGreaterThan(0);
  });

  it('takes a run without tests and a broken configuration as failures', async () => {
    expect((await run({})).report.failed).toBe(1);
    const config = `throw new Error('planted');`;
    const { report, output } = await run({ 'vitest.config.js': config });
    expect(report).toEqual({ passed: 0, failed: 1, skipped: [] });
    expect(output).toContain('planted');
  });
});

describe('judgeReport()', () => {
  const good = { passed: 2, failed: 0, skipped: [] };

  it('keeps a good report and a report of failures', () => {
    expect(judgeReport(good, true)).toEqual(good);
    expect(judgeReport({ ...good, failed: 3 }, false)).toEqual({ ...good, failed: 3 });
  });

  it('adds a failure for a bad exit code that nothing explains', () => {
    expect(judgeReport(good, false)).toEqual({ ...good, failed: 1 });
  });
});
