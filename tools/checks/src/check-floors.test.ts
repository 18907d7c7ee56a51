import { describe, expect, it } from 'vitest';

import { manifest, writeTree } from '../test/write-tree.js';
import { checkFloors } from './check-floors.js';
import { formatFinding } from './finding.js';

const TABLE = `
| package | may import (ours) | may import (others) | must never |
|---|---|---|---|
| wire | – | – | do I/O |
| transport | wire | \`node:net\`, \`node:fs\` | know ACLs |
| port | wire, transport | protobufjs | know methods |
| testing | any | – | – |
`;

const CLEAN = {
  'docs/ARCHITECTURE.md': TABLE,
  'packages/wire/package.json': manifest('@portcall/wire', {
    exports: { '.': './dist/index.js', './codes': './dist/codes.js' },
  }),
  'packages/wire/src/index.ts': `export { A } from './a.js';`,
  'packages/wire/src/a.ts': `export const A = 1;`,
  'packages/transport/package.json': manifest('@portcall/transport', {
    dependencies: { '@portcall/wire': '1' },
  }),
  'packages/transport/src/link.ts': `
    import { readFile } from 'node:fs/promises';
    import { A } from '@portcall/wire';
    import { B } from '@portcall/wire/codes';`,
  'packages/transport/src/link.test.ts': `import '@portcall/testing'; import './index.js';`,
  'packages/port/package.json': manifest('@portcall/port', {
    dependencies: { '@portcall/wire': '1', protobufjs: '1' },
    optionalDependencies: { '@portcall/transport': '1' },
  }),
  'packages/port/src/port.ts': `
    import 'protobufjs/minimal.js';
    import type { A } from '@portcall/wire';
    const late = await import('@portcall/transport');`,
  'packages/port/src/open.ts': `import { cpus } from 'node:os';`,
  'packages/testing/package.json': manifest('@portcall/testing', {
    dependencies: { '@portcall/port': '1', vitest: '1' },
  }),
  'packages/testing/src/suite.ts': `import '@portcall/port'; import 'vitest'; import 'node:os';`,
};

function findings(files: Readonly<Record<string, string>>): string[] {
  return checkFloors(writeTree({ ...CLEAN, ...files })).findings.map(formatFinding);
}

describe('checkFloors()', () => {
  it('finds nothing in a clean tree', () => {
    const result = checkFloors(writeTree(CLEAN));
    expect(result.findings).toEqual([]);
    expect(result.checked).toBe(6);
  });

  it.each([
    ['an import upwards', 'wire', `import type { P } from '@portcall/port';`, 'allow wire'],
    ['an npm package', 'transport', `import 'protobufjs';`, 'npm package protobufjs'],
    ['a builtin beyond the named', 'transport', `import 'node:os';`, 'imports node:os'],
    ['a builtin without its prefix', 'transport', `import 'os';`, 'imports node:os'],
    ['a builtin in wire', 'wire', `import type { X } from 'node:fs';`, 'imports node:fs'],
    ['a deep path', 'port', `import '@portcall/wire/dist/a.js';`, 'exports of @portcall/wire'],
    ['testing in src', 'port', `import '@portcall/testing';`, 'only tests may'],
    ['a path out of the package', 'port', `import '../../wire/src/a.js';`, 'outside its package'],
    ['an absolute path', 'port', `import '/packages/wire/src/a.js';`, 'outside its package'],
    ['its own index', 'wire', `import './index.js';`, 'index of its own package'],
    ['itself by name', 'wire', `import '@portcall/wire';`, 'own package by name'],
    ['a test', 'wire', `import './a.test.js';`, 'belongs to the tests'],
    ['a default export', 'wire', `export default 1;`, 'default export'],
    ['a default function', 'wire', `export default function f() {}`, 'default export'],
    ['a listed default', 'wire', `const a = 1; export { a as default };`, 'default export'],
  ])('finds %s', (_name, owner, text, wanted) => {
    const found = findings({ [`packages/${owner}/src/planted.ts`]: text });
    const own = found.filter((line) => line.startsWith(`packages/${owner}/src/planted.ts:1: `));
    expect(own).toHaveLength(1);
    expect(own[0]).toContain(wanted);
  });

  it.each([`export * from './a.js';`, `export * as a from './a.js';`])(
    'finds a star in an index: %s',
    (text) => {
      expect(findings({ 'packages/wire/src/index.ts': text })).toEqual([
        'packages/wire/src/index.ts:1: exports a star, want the names one by one',
      ]);
    },
  );

  it('finds a cycle, of types as well, once', () => {
    const found = findings({
      'packages/wire/src/x.ts': `import type { Y } from './deep/y.js';`,
      'packages/wire/src/deep/y.ts': `import { Z } from '../z.js';`,
      'packages/wire/src/z.ts': `export { X } from './x.js';`,
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/closes an import cycle: .*x\.ts/);
  });

  it('finds dependencies that package.json lacks or has in vain', () => {
    const found = findings({
      'packages/transport/package.json': manifest('@portcall/transport', {
        dependencies: { '@portcall/native': '1' },
      }),
    });
    expect(found).toEqual([
      'packages/transport/package.json: does not list @portcall/wire, which src imports',
      'packages/transport/package.json: lists @portcall/native, which src does not import',
    ]);
  });

  it('finds a package without a row', () => {
    expect(findings({ 'packages/new/package.json': manifest('@portcall/new') })).toEqual([
      'docs/ARCHITECTURE.md: has no row for new',
    ]);
  });

  it('finds a missing table', () => {
    const [found] = findings({ 'docs/ARCHITECTURE.md': 'nothing here' });
    expect(found).toContain('Cannot find the table');
  });
});
