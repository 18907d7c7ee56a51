import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { GOLDEN, goldenFeatures, readTree } from '../test/golden.js';
import { temporaryFolder } from '../test/temporary.js';
import { IdlError } from './diagnostics/idl-error.js';
import { generate } from './generate.js';

const SIMPLE = 'syntax = "proto3"; message A { string b = 1; }';

describe('generate()', () => {
  // After a change that is meant: run portcall-idl in each folder with --out out, and read the
  // diff.
  it.each(goldenFeatures())(
    'gives the golden output for %s',
    { timeout: 20_000 },
    async (feature) => {
      const outDir = temporaryFolder();
      await generate({ files: ['**/*.proto'], cwd: join(GOLDEN, feature), outDir });
      const generated = readTree(outDir);
      const golden = readTree(join(GOLDEN, feature, 'out'));
      expect([...generated.keys()]).toEqual([...golden.keys()]);
      expect(generated).toEqual(golden);
    },
  );

  it('writes descriptors that load, with the options in them', () => {
    const bytes = readFileSync(join(GOLDEN, 'options/out/descriptors.bin'));
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
    const methods = registry.getService('acme.Jobs')?.methods.map(({ name }) => name);
    expect(methods).toEqual(['Start', 'Read', 'Stop', 'Note', 'Hint', 'Progress']);
    const options = registry.getService('acme.Jobs')?.proto.options;
    expect(options?.$unknown?.map(({ no }) => no)).toEqual([51000, 51001, 51002, 51003]);
  });

  it(
    'gives the same bytes from another folder and in another order',
    { timeout: 20_000 },
    async () => {
      const files = { 'a.proto': SIMPLE, 'b.proto': SIMPLE.replace('message A', 'message B') };
      const [first, second] = [temporaryFolder(files), temporaryFolder(files)];
      await generate({ files: ['a.proto', 'b.proto'], cwd: first, outDir: 'out' });
      await generate({ files: ['b.proto', 'a.proto'], cwd: second, outDir: 'out' });
      expect(readTree(join(second, 'out'))).toEqual(readTree(join(first, 'out')));
    },
  );

  it('writes nothing when there is an error', async () => {
    const cwd = temporaryFolder({ 'a.proto': SIMPLE, 'b.proto': 'message' });
    const run = generate({ files: ['a.proto', 'b.proto'], cwd, outDir: 'out' });
    await expect(run).rejects.toBeInstanceOf(IdlError);
    expect([...readTree(cwd).keys()]).toEqual(['a.proto', 'b.proto']);
  });

  it('writes only the files whose content changes', { timeout: 20_000 }, async () => {
    const cwd = temporaryFolder({ 'a.proto': SIMPLE });
    const options = { files: ['a.proto'], cwd, outDir: 'out' };
    const first = await generate(options);
    expect(first.written).toEqual(['a.ts', 'descriptors.bin']);
    const longAgo = new Date(0);
    for (const name of first.files) utimesSync(join(cwd, 'out', name), longAgo, longAgo);
    writeFileSync(join(cwd, 'out/a.ts'), 'changed by hand');
    const second = await generate(options);
    expect(second.written).toEqual(['a.ts']);
    expect(statSync(join(cwd, 'out/descriptors.bin')).mtimeMs).toBe(0);
  });

  it('makes no code for imports that only bring options', { timeout: 20_000 }, async () => {
    const cwd = temporaryFolder({
      'a.proto': `syntax = "proto3"; import "portcall/options.proto"; message A {}
        service S { rpc B(A) returns (A) { option (portcall.id) = 1; } }`,
    });
    const { files } = await generate({ files: ['a.proto'], cwd, outDir: 'out' });
    expect(files).toEqual(['a.portcall.ts', 'a.ts', 'descriptors.bin']);
  });
});
