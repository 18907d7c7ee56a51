import { ProtoSyntaxError } from '../diagnostics/syntax-error.js';
import type { Token } from './token.js';

/** After a backslash: octal, x, u, U, one letter, or something that is not allowed. */
const ESCAPED = [
  /([0-7]{1,3})/,
  /[xX]([0-9a-fA-F]{1,2})/,
  /u([0-9a-fA-F]{4})/,
  /U([0-9a-fA-F]{8})/,
  /([abfnrtv\\'"?])/,
  /([^]|$)/,
];

const ESCAPE = new RegExp(`\\\\(?:${ESCAPED.map(({ source }) => source).join('|')})`, 'g');

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 0x5c,
  "'": 0x27,
  '"': 0x22,
  '?': 0x3f,
};

/**
 * Bytes of a string token: its text as UTF-8, with octal and hexadecimal escapes as single bytes.
 */
export function stringBytes(token: Token): Buffer {
  const body = token.text.slice(1, -1);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const match of body.matchAll(ESCAPE)) {
    chunks.push(Buffer.from(body.slice(from, match.index), 'utf8'));
    chunks.push(escapeBytes(match, token));
    from = match.index + match[0].length;
  }
  chunks.push(Buffer.from(body.slice(from), 'utf8'));
  return Buffer.concat(chunks);
}

function escapeBytes(match: RegExpExecArray, token: Token): Buffer {
  const [whole, octal, hex, short, long, simple] = match;
  if (octal !== undefined) return Buffer.from([Number.parseInt(octal, 8) & 0xff]);
  if (hex !== undefined) return Buffer.from([Number.parseInt(hex, 16)]);
  if (simple !== undefined) return Buffer.from([SIMPLE[simple] ?? 0]);
  const codePoint = Number.parseInt(short ?? long ?? 'x', 16);
  if (Number.isNaN(codePoint) || codePoint > 0x10ffff) {
    throw new ProtoSyntaxError(
      token.start + 1 + match.index,
      `Cannot read string: found the escape "${whole}", wanted one that protobuf knows`,
      'Known are \\a \\b \\f \\n \\r \\t \\v \\\\ \\\' \\" \\?, octal \\123, hexadecimal \\x1f ' +
        'and \\u00e9',
    );
  }
  return Buffer.from(String.fromCodePoint(codePoint), 'utf8');
}
