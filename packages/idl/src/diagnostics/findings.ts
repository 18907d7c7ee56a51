import type { SourceFile } from './source-file.js';

/** One thing that is wrong in a `.proto` file, or with the request itself (then `line` is 0). */
export interface Finding {
  /** Path as shown to the user; empty when the finding is about no file. */
  readonly file: string;
  /** Counted from 1; 0 when the finding is about the whole file or the command. */
  readonly line: number;
  /** Counted from 1; 0 together with `line`. */
  readonly column: number;
  /** The source line, without its line end; empty when `line` is 0. */
  readonly lineText: string;
  /** What was attempted, colon, what was found and what was wanted. */
  readonly text: string;
  /** How to repair it. */
  readonly hint: string;
}

/** Collects findings of all passes. Owner: the command; each pass only adds. */
export class Findings {
  readonly #byKey = new Map<string, Finding>();

  /** Number of findings so far. */
  get count(): number {
    return this.#byKey.size;
  }

  /** Adds a finding at an offset of a source file. The same finding twice counts once. */
  add(source: SourceFile, offset: number, message: { text: string; hint: string }): void {
    const { line, column } = source.positionAt(offset);
    const lineText = source.lineText(line);
    this.#put({ file: source.displayPath, line, column, lineText, ...message });
  }

  /** Adds a finding that belongs to no place in a file, such as a missing input. */
  addGeneral(file: string, message: { text: string; hint: string }): void {
    this.#put({ file, line: 0, column: 0, lineText: '', ...message });
  }

  /** All findings, in order of file, line and column. */
  sorted(): Finding[] {
    return [...this.#byKey.values()].toSorted(compareFindings);
  }

  #put(finding: Finding): void {
    const key = [finding.file, finding.line, finding.column, finding.text].join('\n');
    if (!this.#byKey.has(key)) this.#byKey.set(key, finding);
  }
}

function compareFindings(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
