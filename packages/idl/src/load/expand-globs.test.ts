import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/temporary.js';
import { expandGlobs } from './expand-globs.js';

const FILES = {
  'a.proto': '',
  'b.proto': '',
  'b.txt': '',
  'p/c.proto': '',
  'p/q/d.proto': '',
  'node_modules/x.proto': '',
};

describe('expandGlobs()', () => {
  it.each([
    [['*.proto'], ['a.proto', 'b.proto']],
    [['?.proto'], ['a.proto', 'b.proto']],
    [['p/*.proto'], ['p/c.proto']],
    [['*/*.proto'], ['p/c.proto']],
    [['p/**/*.proto'], ['p/c.proto', 'p/q/d.proto']],
    [['**/*.proto'], ['a.proto', 'b.proto', 'p/c.proto', 'p/q/d.proto']],
    [
      ['b.proto', '*.proto'],
      ['b.proto', 'a.proto'],
    ],
    [['none.proto'], ['none.proto']],
    [['none/*.proto'], ['none/*.proto']],
  ])('expands %j to %j', (patterns, expected) => {
    expect(expandGlobs(patterns, temporaryFolder(FILES))).toEqual(expected);
  });

  it('expands absolute patterns', () => {
    const folder = temporaryFolder(FILES);
    expect(expandGlobs([`${folder}/*.proto`], '/')).toEqual([
      `${folder}/a.proto`,
      `${folder}/b.proto`,
    ]);
  });
});
