import type { Token } from './token.js';

/** Comments of one gap between two tokens, sorted by what they belong to, as protoc does it. */
export interface GapComments {
  /** Belongs to the declaration that the token before the gap ends; empty for none. */
  readonly trailing: string;
  /** Belong to nothing: an empty line stands on both sides, or a block ends here. */
  readonly detached: readonly string[];
  /** Belongs to the declaration that starts behind the gap; empty for none. */
  readonly leading: string;
}

/**
 * One comment of a gap, or an empty line. `sameLine`: it starts on the line of the token before.
 */
type Piece =
  | { readonly kind: 'blank-line' | 'line-break' }
  | { readonly kind: 'line' | 'block'; readonly text: string };

const NO_COMMENTS: GapComments = { trailing: '', detached: [], leading: '' };
const PIECE = /\/\/([^\n]*\n?)|\/\*([^]*?)\*\/|(\n)|[^\n/]+/g;

/**
 * Finds the comments between two tokens. `before` is undefined at the start of the file.
 * Source: the rules in `SourceCodeInfo` of descriptor.proto and protoc's tokenizer.
 */
export function gapComments(text: string, before: Token | undefined, after: Token): GapComments {
  const gap = text.slice(before?.end ?? 0, after.start);
  if (!gap.includes('/')) return NO_COMMENTS;
  const pieces = splitGap(gap);
  const collector = new CommentCollector(before !== undefined);
  const rest = before === undefined ? pieces : collector.takeSameLine(pieces);
  if (rest === undefined) return NO_COMMENTS;
  collector.takeLines(rest);
  const endsScope = after.kind === 'end' || /^[}\])]$/.test(after.text);
  return collector.finish(endsScope);
}

function splitGap(gap: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [, line, block, lineFeed] of gap.matchAll(PIECE)) {
    if (line !== undefined) pieces.push({ kind: 'line', text: line.replace(/\r\n$/, '\n') });
    else if (block !== undefined) pieces.push({ kind: 'block', text: cleanBlock(block) });
    else if (lineFeed !== undefined) pieces.push({ kind: 'line-break' });
  }
  return pieces;
}

/** Strips the indentation and one `*` from each line but the first. */
function cleanBlock(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/\n[ \t\r\v\f]*\*?/g, '\n');
}

class CommentCollector {
  #buffer = '';
  #hasComment = false;
  #isLineComment = false;
  #canAttachToPrevious: boolean;
  #trailing = '';
  readonly #detached: string[] = [];

  constructor(hasPrevious: boolean) {
    this.#canAttachToPrevious = hasPrevious;
  }

  /**
   * Takes a comment on the line of the token before. Gives the pieces of the following lines, or
   * undefined if the next token stands on the same line: then a comment belongs to neither.
   */
  takeSameLine(pieces: readonly Piece[]): readonly Piece[] | undefined {
    const [first, second] = pieces;
    if (first === undefined) return undefined;
    if (first.kind === 'line') {
      this.#add(first.text, true);
      this.#flush();
      return pieces.slice(1);
    }
    if (first.kind !== 'block') return pieces.slice(1);
    if (second?.kind !== 'line-break') return undefined;
    this.#add(first.text, false);
    this.#flush();
    return pieces.slice(2);
  }

  takeLines(pieces: readonly Piece[]): void {
    let afterBlock = false;
    for (const piece of pieces) {
      if (piece.kind === 'line' || piece.kind === 'block') {
        this.#add(piece.text, piece.kind === 'line');
      } else if (!afterBlock) {
        // An empty line. The line feed behind a block comment only ends the comment's own line.
        this.#flush();
        this.#canAttachToPrevious = false;
      }
      afterBlock = piece.kind === 'block';
    }
  }

  finish(endsScope: boolean): GapComments {
    if (endsScope) this.#flush();
    const leading = this.#hasComment ? this.#buffer : '';
    return { trailing: this.#trailing, detached: this.#detached, leading };
  }

  #add(text: string, isLine: boolean): void {
    // Line comments on neighbouring lines are one comment; a block comment is always one by itself.
    if (this.#hasComment && !(isLine && this.#isLineComment)) this.#flush();
    this.#buffer += text;
    this.#hasComment = true;
    this.#isLineComment = isLine;
  }

  #flush(): void {
    if (!this.#hasComment) return;
    if (this.#canAttachToPrevious) {
      this.#trailing += this.#buffer;
      this.#canAttachToPrevious = false;
    } else {
      this.#detached.push(this.#buffer);
    }
    this.#buffer = '';
    this.#hasComment = false;
  }
}
