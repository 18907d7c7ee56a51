import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { writeTree } from '../test/write-tree.js';
import { checkSnippets } from './check-snippets.js';
import { formatFinding } from './finding.js';

const BASE = {
  'tsconfig.base.json': JSON.stringify({
    compilerOptions: { target: 'es2023', module: 'nodenext', strict: true, types: [] },
  }),
  'src/greet.ts': 'start();\n// #region hello\nhello({\n  name,\n});\n// #endregion\n',
};

type Block = [annotation: string, language: string, code: string];

/** One document; a block without an annotation follows a line of text. */
function document(...blocks: Block[]): string {
  return blocks
    .map(([annotation, language, code]) => {
      const comment = annotation === '' ? 'Text.' : `<!-- snippet: ${annotation} -->`;
      return `${comment}\n\n\`\`\`${language}\n${code}\n\`\`\`\n`;
    })
    .join('\n');
}

async function findings(text: string, path = 'README.md'): Promise<string[]> {
  const root = writeTree({ ...BASE, [path]: text });
  const result = await checkSnippets(root);
  expect(readdirSync(join(root, 'node_modules/.cache'))).toEqual([]);
  return result.findings.map(formatFinding);
}

describe('checkSnippets()', () => {
  it('finds nothing in clean documents', async () => {
    const text = document(
      ['run name=lib.ts', 'ts', 'export const two: number = 2;'],
      ['run', 'ts', `import { two } from './lib.js';\nif (two !== 2) throw new Error('two');`],
      ['run', 'js', `await import('./lib.js');`],
      ['write name=a.proto', 'proto', 'message A {}'],
      ['run', 'sh', 'grep -q A a.proto\necho "export const three = 3;" > three.ts'],
      ['compile', 'ts', `import { two } from './lib.js';\nconst copy: number = two;`],
      ['file src/greet.ts#hello', 'ts', 'hello({ name });'],
      ['text: needs two machines', 'ts', 'not code at all'],
      ['', 'sh', 'false'],
      ['', 'proto', 'message'],
    );
    expect(await findings(text)).toEqual([]);
  });

  it.each(['README.md', 'docs/design/a.md', 'packages/a/README.md'])('reads %s', async (path) => {
    expect(await findings(document(['', 'ts', 'a();']), path)).toEqual([
      `${path}:3: block has no snippet annotation`,
    ]);
  });

  it('lets one block spawn another that is only compiled, whatever their order', async () => {
    const parent = `
      import { execFileSync } from 'node:child_process';
      execFileSync(process.execPath, ['child.js']);`;
    const text = document(
      ['run', 'js', parent],
      ['compile name=child.ts', 'ts', 'export const a: number = 1;'],
    );
    expect(await findings(text)).toEqual([]);
  });

  it('translates what an earlier block generated', async () => {
    const text = document(
      ['run', 'sh', 'mkdir gen\necho "export const a: number = 1;" > gen/a.ts'],
      ['run', 'ts', `import { a } from './gen/a.js';\nif (a !== 1) throw new Error('a');`],
    );
    expect(await findings(text)).toEqual([]);
  });

  it.each<[name: string, block: Block, wanted: string]>([
    ['a run that throws', ['run', 'ts', `throw new Error('planted');`], 'planted'],
    ['a run that exits with 3', ['run', 'js', 'process.exit(3);'], 'does not run'],
    ['a shell run that fails midway', ['run', 'sh', 'false\ntrue'], 'does not run'],
    ['a type error', ['compile', 'ts', `export const a: number = 'x';`], ':4: TS2322'],
    ['a type error in a run', ['run', 'ts', `export const a: number = 'x';`], ':4: TS2322'],
    [
      'a missing import',
      ['compile', 'ts', `import '@portcall/none';\nimport { a } from 'b';`],
      'TS2307',
    ],
    ['another region', ['file src/greet.ts#hello', 'ts', 'bye({ name });'], 'differs from'],
    ['a missing region', ['file src/greet.ts#bye', 'ts', 'a'], 'missing region'],
    ['a missing file', ['file src/none.ts', 'ts', 'a'], 'missing file'],
    ['an unknown annotation', ['runs', 'ts', 'a'], 'unknown annotation'],
    ['a name outside', ['run name=../a.ts', 'ts', 'a'], 'outside its folder'],
    ['a name of another kind', ['run name=a.js', 'ts', 'a'], 'name without .ts'],
    ['a proto that is to run', ['run', 'proto', 'a'], 'cannot be run'],
  ])('finds %s', async (_name, block, wanted) => {
    const found = await findings(document(block));
    expect(found.join('\n')).toContain(wanted);
  });

  it('finds two blocks of one name', async () => {
    const one: Block = ['run name=a.ts', 'ts', 'export {};'];
    expect((await findings(document(one, one))).join('\n')).toContain('name of an earlier block');
  });
});
