import { describe, expect, it } from 'vitest';

import { writeTree } from '../test/write-tree.js';
import { checkSizes } from './check-sizes.js';
import { formatFinding } from './finding.js';

function findings(path: string, text: string): string[] {
  return checkSizes(writeTree({ [path]: text })).findings.map(formatFinding);
}

function statements(count: number): string {
  return 'a();\n'.repeat(count);
}

const A = 'packages/wire/src/a.ts';
const TEST = 'packages/wire/src/a.test.ts';

describe('checkSizes()', () => {
  it('finds a file of 401 code lines', () => {
    expect(findings(A, statements(401))).toEqual([`${A}: has 401 code lines, limit is 400`]);
  });

  it('does not count blank lines and lines of comments', () => {
    const rest = '\n// one\n/* two\n * three\n */\n/**\n * Four.\n */\n'.repeat(20);
    expect(
      findings(A, `${rest}${statements(399)}/** Five. */\nexport const b = 1; // six\n`),
    ).toEqual([]);
  });

  it('allows a test 500 code lines', () => {
    expect(findings(TEST, statements(500))).toEqual([]);
    expect(findings(TEST, statements(501))).toHaveLength(1);
  });

  it('counts the lines of C', () => {
    const path = 'packages/native/src/a.c';
    const text = `/* one\n   two */\n// three\n\n${'x();\n'.repeat(400)}`;
    expect(findings(path, text)).toEqual([]);
    expect(findings(path, `${text}y(); /* four */\n`)).toHaveLength(1);
  });

  it.each([
    ['function', (body: string) => `function long() {\n${body}}\n`],
    ['arrow function', (body: string) => `const long = () => {\n${body}};\n`],
    ['method', (body: string) => `class A {\nlong() {\n${body}}\n}\n`],
  ])('finds a %s of 61 code lines', (_name, wrap) => {
    expect(findings(A, wrap(statements(58)))).toEqual([]);
    const found = findings(A, wrap(statements(59)));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('has 61 code lines, limit is 60');
  });

  it('counts a test for itself, not for the suite around it', () => {
    const one = `it('a', () => {\n${statements(50)}});\n`;
    expect(findings(TEST, `describe('x', () => {\n${one}${one}});\n`)).toEqual([]);
    const long = `it('a', () => {\n${statements(59)}});\n`;
    expect(findings(TEST, `describe('x', () => {\n${long}});\n`)).toHaveLength(1);
  });

  it('finds a fifth parameter, and counts no this', () => {
    expect(findings(A, 'function f(this: X, a, b, c, options) {}')).toEqual([]);
    expect(findings(A, 'function f(a, b, c, d, e) {}')).toEqual([
      `${A}:1: f() has 5 parameters, limit is 4`,
    ]);
  });

  it('finds a line of 101 columns', () => {
    expect(findings(A, `// ${'ä'.repeat(97)}\n`)).toEqual([]);
    expect(findings(A, `\n// ${'a'.repeat(98)}\n`)).toEqual([
      `${A}:2: has 101 columns, limit is 100`,
    ]);
  });

  it('allows wide imports, URLs and JavaScript', () => {
    const wide = 'a'.repeat(120);
    const text = `import { a } from './${wide}.js';\nexport { b } from '${wide}';\n// https://${wide}\n`;
    expect(findings(A, text)).toEqual([]);
    expect(findings('packages/wire/bin/a.js', `// ${wide}\n`)).toEqual([]);
  });

  it.each(['gen', 'golden', 'dist', 'fixtures'])('leaves out a folder %s', (folder) => {
    expect(findings(`packages/wire/src/${folder}/a.ts`, statements(501))).toEqual([]);
  });

  it('looks at the tools as well', () => {
    expect(findings('tools/bench/src/a.ts', statements(401))).toHaveLength(1);
  });
});
