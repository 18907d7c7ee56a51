import { describe, expect, it } from 'vitest';

import { isSameCode, takeRegion } from './snippet-region.js';

const TEXT = `
before();
  // #region outer
  a();
  // #region inner
    b();
  // #endregion
  // #endregion outer
# #region shell
ls
# #endregion
// #region open
`;

describe('takeRegion()', () => {
  it('gives the lines of a region without its indentation and the marks inside', () => {
    expect(takeRegion(TEXT, 'outer')).toBe('a();\n  b();');
  });

  it('knows the comments of other languages', () => {
    expect(takeRegion(TEXT, 'shell')).toBe('ls');
  });

  it.each(['missing', 'open', 'oute'])('gives undefined for the region %s', (name) => {
    expect(takeRegion(TEXT, name)).toBeUndefined();
  });
});

describe('isSameCode()', () => {
  it('lets line breaks and trailing commas differ', () => {
    expect(isSameCode('f({ a, b });', 'f({\n  a,\n  b,\n});\n', 'ts')).toBe(true);
  });

  it.each([
    ['a token', 'f(1);', 'f(2);'],
    ['a string', `f('a b');`, `f('a  b');`],
    ['a comment', '// one\nf();', '// two\nf();'],
    ['an argument', 'f(a, b);', 'f(a);'],
  ])('sees %s that differs', (_name, one, other) => {
    expect(isSameCode(one, other, 'ts')).toBe(false);
  });

  it('wants the same lines in other languages', () => {
    expect(isSameCode('a b\n', 'a b', 'sh')).toBe(true);
    expect(isSameCode('a  b', 'a b', 'sh')).toBe(false);
  });
});
