import { ProtoSyntaxError } from '../diagnostics/syntax-error.js';
import type { Token } from './token.js';
import type { Declaration, IntNode, NameNode } from './tree.js';

const END: Token = { kind: 'end', text: '', start: 0, end: 0 };

/** Reads a token list from front to back. One per file; only the reader's functions hold it. */
export class TokenCursor {
  readonly #tokens: readonly Token[];
  #index = 0;
  /** Edition of the file, `proto2` or `proto3` for those; set by the first statement. */
  edition = 'proto2';
  /** Set when a construct was read that protobufjs's parser does not know. */
  beyondProtobufjs = false;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Index of the token that is read next. */
  get index(): number {
    return this.#index;
  }

  /** The token that is read next, or one behind it. */
  peek(ahead = 0): Token {
    return this.#tokens[this.#index + ahead] ?? this.#tokens.at(-1) ?? END;
  }

  /** Takes the next token. At the end it gives the `end` token again and again. */
  take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#index += 1;
    return token;
  }

  /** Whether the next token is this word or punctuation. Strings never match. */
  at(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind !== 'string' && token.kind !== 'end' && token.text === text;
  }

  /** Takes the next token if it is this word or punctuation. */
  tryTake(text: string): Token | undefined {
    return this.at(text) ? this.take() : undefined;
  }

  /** Takes a word or punctuation that must come now; `what` names the thing being read. */
  expect(text: string, what: string): Token {
    return this.tryTake(text) ?? this.fail(what, `"${text}"`, HINTS[text]);
  }

  /** Takes a name without dots. */
  expectName(what: string, wanted: string): NameNode {
    const token = this.peek();
    if (token.kind !== 'identifier') return this.fail(what, wanted);
    this.take();
    return { text: token.text, start: token.start, end: token.end };
  }

  /** Takes a name with dots and, if `leadingDot`, a dot in front. */
  expectDottedName(what: string, wanted: string, leadingDot: boolean): NameNode {
    const start = this.peek().start;
    let text = leadingDot && this.tryTake('.') !== undefined ? '.' : '';
    let part = this.expectName(what, wanted);
    text += part.text;
    while (this.tryTake('.') !== undefined) {
      part = this.expectName(what, wanted);
      text += `.${part.text}`;
    }
    return { text, start, end: part.end };
  }

  /** Takes a whole number, with a minus sign if `signed`. */
  expectInt(what: string, wanted: string, signed: boolean): IntNode {
    const start = this.peek().start;
    const minus = signed ? this.tryTake('-') : undefined;
    const token = this.peek();
    if (token.kind !== 'int') return this.fail(what, wanted);
    this.take();
    if (minus !== undefined && minus.end !== token.start) this.beyondProtobufjs = true;
    const value = parseInteger(token.text);
    return { value: minus === undefined ? value : -value, start, end: token.end };
  }

  /** Ends the reading: the next token is not what was wanted. */
  fail(what: string, wanted: string, hint?: string): never {
    const token = this.peek();
    const found = token.kind === 'end' ? 'the end of the file' : JSON.stringify(token.text);
    // A missing ";" is reported behind the token before it: that is where it must be written.
    const previous = this.#tokens[this.#index - 1];
    const offset = wanted === '";"' && previous !== undefined ? previous.end : token.start;
    throw new ProtoSyntaxError(
      offset,
      `Cannot read ${what}: found ${found}, wanted ${wanted}`,
      hint ?? `Write ${wanted} here`,
    );
  }

  /** Span and comment places of a declaration whose head ended with the token `headEndToken`. */
  declaration(firstToken: number, headEndToken: number): Declaration {
    const start = this.#tokens[firstToken]?.start ?? 0;
    const end = this.#tokens[this.#index - 1]?.end ?? start;
    return { start, end, firstToken, headEndToken };
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ';': 'End the statement with ;',
  '}': 'Close the block with }',
  '{': 'Open the block with {',
  '=': 'A number is given with = and the number',
};

/** Value of a decimal, octal (leading 0) or hexadecimal token. */
export function parseInteger(text: string): bigint {
  return BigInt(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text.toLowerCase());
}
