/** Kinds of tokens of the protobuf language. */
export type TokenKind = 'identifier' | 'int' | 'float' | 'string' | 'symbol' | 'end';

/** One token. `text` is the source text, quotes and escapes included. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset of the first character. */
  readonly start: number;
  /** Offset behind the last character. */
  readonly end: number;
}
