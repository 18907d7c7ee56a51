import { describe, expect, it } from 'vitest';

import { scanImports } from './module-imports.js';
import { parseText } from './source-file.js';

function specifiers(text: string): string[] {
  return scanImports(parseText('a.ts', text)).map((found) => found.specifier);
}

describe('scanImports()', () => {
  it.each([
    ['a static import', `import { a } from 'x';`],
    ['an import for its effects', `import 'x';`],
    ['an import of types', `import type { A } from 'x';`],
    ['an export of another module', `export { a } from 'x';`],
    ['an export of types of another module', `export type { A } from 'x';`],
    ['a dynamic import', `const a = await import('x');`],
    ['a dynamic import of a template', 'const a = await import(`x`);'],
    ['an import in a type', `type A = import('x').A;`],
    ['typeof import', `let a: typeof import('x');`],
    ['an import by require', `import a = require('x');`],
    ['require', `const a = require('x');`],
    ['require.resolve', `const a = require.resolve('x');`],
    ['a named createRequire', `const load = createRequire(import.meta.url); load('x');`],
    ['createRequire at once', `module.createRequire(import.meta.url)('x');`],
    ['import.meta.resolve', `import.meta.resolve('x');`],
    ['process.getBuiltinModule', `process.getBuiltinModule('x');`],
  ])('finds %s', (_name, text) => {
    expect(specifiers(text)).toEqual(['x']);
  });

  it('leaves out names in comments, in strings and computed ones', () => {
    expect(specifiers(`// import 'x';\nconst a = "import 'y'";\nawait import(a);`)).toEqual([]);
  });

  it('gives the line', () => {
    const [found] = scanImports(parseText('a.ts', `\n\nimport 'x';`));
    expect(found?.line).toBe(3);
  });
});
