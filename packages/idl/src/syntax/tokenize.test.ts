import { describe, expect, it } from 'vitest';
import { stringBytes } from './string-bytes.js';
import { tokenize } from './tokenize.js';

function texts(source: string): string[] {
  return tokenize(source).map((token) => `${token.kind} ${token.text}`);
}

describe('tokenize()', () => {
  it('splits names, numbers, strings and punctuation', () => {
    expect(texts('a_1.b = -0x1F; "x" 1.5e3')).toEqual([
      'identifier a_1',
      'symbol .',
      'identifier b',
      'symbol =',
      'symbol -',
      'int 0x1F',
      'symbol ;',
      'string "x"',
      'float 1.5e3',
      'end ',
    ]);
  });

  it('gives the offsets of each token', () => {
    const [first, second] = tokenize('  ab /* c */ "d"');
    expect(first).toMatchObject({ start: 2, end: 4 });
    expect(second).toMatchObject({ start: 13, end: 16 });
  });

  it('takes comments of both kinds for blank', () => {
    expect(texts('a // b "c\n/* d // */ e')).toEqual(['identifier a', 'identifier e', 'end ']);
  });

  it('accepts an escaped quote and an escaped backslash in a string', () => {
    expect(texts(String.raw`"a\"b\\" c`)).toEqual([
      String.raw`string "a\"b\\"`,
      'identifier c',
      'end ',
    ]);
  });

  it.each([
    ['089', 0, 'found "089"'],
    ['a 1x', 2, 'found "1x"'],
    ['a "b\nc"', 2, 'wanted the closing quote'],
    ['a /* b', 2, 'wanted "*/"'],
    ['a $', 2, 'found "$"'],
    ['a 😀', 2, 'found "😀"'],
  ])('refuses %j at offset %i', (source, offset, text) => {
    expect(() => tokenize(source)).toThrow(expect.objectContaining({ offset }));
    expect(() => tokenize(source)).toThrow(text);
  });
});

describe('stringBytes()', () => {
  it.each([
    [String.raw`"\303\251"`, [0xc3, 0xa9]],
    ['"é"', [0xc3, 0xa9]],
    [String.raw`'\x1f\xA'`, [0x1f, 0x0a]],
    [String.raw`"\a\b\f\n\r\t\v\\\'\"\?"`, [7, 8, 12, 10, 13, 9, 11, 0x5c, 0x27, 0x22, 0x3f]],
    [String.raw`"\u00e9\U0001F600"`, [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80]],
  ])('decodes %s', (text, bytes) => {
    const token = { kind: 'string', text, start: 0, end: text.length } as const;
    expect([...stringBytes(token)]).toEqual(bytes);
  });

  it('refuses an escape that protobuf does not know, at its place', () => {
    const token = { kind: 'string', text: String.raw`"ab\q"`, start: 10, end: 16 } as const;
    expect(() => stringBytes(token)).toThrow(expect.objectContaining({ offset: 13 }));
  });
});
