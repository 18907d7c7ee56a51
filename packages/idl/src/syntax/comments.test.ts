import { describe, expect, it } from 'vitest';
import { gapComments } from './comments.js';
import { tokenize } from './tokenize.js';

/** Comments between the first two tokens of a text. */
function between(text: string): ReturnType<typeof gapComments> {
  const [before, after] = tokenize(text);
  if (before === undefined || after === undefined) throw new Error('Cannot test: no gap');
  return gapComments(text, before, after);
}

describe('gapComments()', () => {
  it('finds nothing in a gap without comments', () => {
    expect(between('a;\n\n b')).toEqual({ trailing: '', detached: [], leading: '' });
  });

  it('gives a comment on the same line to the token before', () => {
    expect(between('; // t\nb')).toEqual({ trailing: ' t\n', detached: [], leading: '' });
  });

  it('does not join the next line to a comment on the same line', () => {
    expect(between('; // t\n// l\nb')).toEqual({ trailing: ' t\n', detached: [], leading: ' l\n' });
  });

  it('gives lines right in front to the token after', () => {
    expect(between(';\n\n// a\n// b\nb').leading).toBe(' a\n b\n');
  });

  it('gives lines right behind, with an empty line after them, to the token before', () => {
    expect(between(';\n// t\n\nb')).toEqual({ trailing: ' t\n', detached: [], leading: '' });
  });

  it('gives lines between two tokens to the one after', () => {
    expect(between(';\n// l\nb')).toEqual({ trailing: '', detached: [], leading: ' l\n' });
  });

  it('sets comments apart that have empty lines around them', () => {
    const found = between(';\n\n// one\n\n/* two */\n\n// l\nb');
    expect(found).toEqual({ trailing: '', detached: [' one\n', ' two '], leading: ' l\n' });
  });

  it('ignores a block comment between two tokens of a line', () => {
    expect(between('; /* x */ b')).toEqual({ trailing: '', detached: [], leading: '' });
  });

  it('strips the stars of a block comment', () => {
    expect(between(';\n\n/* a\n   * b\n     c\n */\nb').leading).toBe(' a\n b\nc\n');
  });

  it('gives nothing to a closing brace', () => {
    expect(between(';\n\n// x\n}')).toEqual({ trailing: '', detached: [' x\n'], leading: '' });
  });

  it('reads files with carriage returns as those without', () => {
    expect(between(';\r\n\r\n// a\r\nb').leading).toBe(' a\n');
  });

  it('has no trailing comment at the start of a file', () => {
    const text = '// a\n\n// b\nx';
    const [first] = tokenize(text);
    if (first === undefined) throw new Error('Cannot test: no token');
    const found = gapComments(text, undefined, first);
    expect(found).toEqual({ trailing: '', detached: [' a\n'], leading: ' b\n' });
  });
});
