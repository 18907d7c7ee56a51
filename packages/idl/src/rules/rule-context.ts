import type { SymbolTable } from '../convert/symbol-table.js';
import type { Findings } from '../diagnostics/findings.js';
import type { TypeIndex } from '../options/type-index.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { Span } from '../syntax/tree.js';

/** What the rules of one file work with. */
export class RuleContext {
  /** The file whose rules are checked. */
  readonly file: ParsedFile;
  /** All names, of this file and of what it imports. */
  readonly symbols: SymbolTable;
  /** All types, by their full names. */
  readonly types: TypeIndex;
  readonly #findings: Findings;

  constructor(
    file: ParsedFile,
    all: { readonly symbols: SymbolTable; readonly types: TypeIndex; readonly findings: Findings },
  ) {
    this.file = file;
    this.symbols = all.symbols;
    this.types = all.types;
    this.#findings = all.findings;
  }

  /** Reports a broken rule at the start of a piece of the source. */
  report(at: Span, text: string, hint: string): void {
    this.#findings.add(this.file.source, at.start, { text, hint });
  }

  /** Line of a piece of the source, for messages that point to two places. */
  lineOf(at: Span): number {
    return this.file.source.positionAt(at.start).line;
  }
}
