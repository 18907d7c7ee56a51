import { ProtoSyntaxError } from '../diagnostics/syntax-error.js';
import type { Token, TokenKind } from './token.js';

// protobufjs has a tokenizer too, but it gives neither columns nor the raw text of strings (it
// decodes `\303\251` to two characters, where protobuf means two bytes), and both are needed here.
const SPACE = /[ \t\r\n\v\f]+/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const BLOCK_COMMENT = /\/\*[^]*?\*\//y;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const FLOAT = /(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+/y;
const INT = /0[xX][0-9a-fA-F]+|0[0-7]*(?![0-9])|[1-9][0-9]*/y;
const STRING = /"(?:[^"\\\n\0]|\\[^\n\0])*"|'(?:[^'\\\n\0]|\\[^\n\0])*'/y;
const SYMBOL = /[{}()[\]<>=;:,.+\-/]/y;

/**
 * Splits the text of a `.proto` file into tokens; the last one has kind `end` and is empty.
 * Comments are skipped here: they are found again from the gaps between tokens (`comments.ts`).
 * Throws {@link ProtoSyntaxError} at the first character that starts no token.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = skipBlank(text, 0);
  while (at < text.length) {
    const token = readToken(text, at);
    tokens.push(token);
    at = skipBlank(text, token.end);
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length });
  return tokens;
}

function skipBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    const end =
      matchAt(SPACE, text, at) ??
      matchAt(LINE_COMMENT, text, at) ??
      matchAt(BLOCK_COMMENT, text, at);
    if (end === undefined) break;
    at = end;
  }
  if (text.startsWith('/*', at)) {
    throw new ProtoSyntaxError(
      at,
      'Cannot read comment: found the end of the file, wanted "*/"',
      'Close the comment with */',
    );
  }
  return at;
}

function readToken(text: string, start: number): Token {
  for (const [kind, pattern] of PATTERNS) {
    const end = matchAt(pattern, text, start);
    if (end === undefined) continue;
    if (kind === 'int' || kind === 'float') requireNumberEnd(text, start, end);
    return { kind, text: text.slice(start, end), start, end };
  }
  throw unreadable(text, start);
}

const PATTERNS: ReadonlyArray<readonly [TokenKind, RegExp]> = [
  ['identifier', IDENTIFIER],
  ['float', FLOAT],
  ['int', INT],
  ['string', STRING],
  ['symbol', SYMBOL],
];

function matchAt(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function requireNumberEnd(text: string, start: number, end: number): void {
  if (!/[A-Za-z0-9_.]/.test(text.charAt(end))) return;
  const word = /[A-Za-z0-9_.]*/y;
  word.lastIndex = start;
  const found = word.exec(text)?.[0] ?? '';
  throw new ProtoSyntaxError(
    start,
    `Cannot read number: found "${found}", wanted a decimal, octal or hexadecimal number`,
    'Put a space between a number and a word; octal numbers have the digits 0 to 7 only',
  );
}

function unreadable(text: string, at: number): ProtoSyntaxError {
  const found = text.charAt(at);
  if (found === '"' || found === "'") {
    return new ProtoSyntaxError(
      at,
      'Cannot read string: found the end of the line, wanted the closing quote',
      `Close the string with ${found} on the same line; adjacent strings are joined`,
    );
  }
  if (/[0-9]/.test(found)) requireNumberEnd(text, at, at);
  return new ProtoSyntaxError(
    at,
    `Cannot read token: found ` +
      `${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}, wanted a name, a ` +
      `number, a string or punctuation`,
    'Remove the character; names have the letters A to Z, digits and _ only',
  );
}
