/**
 * A place in a source file, both numbers counted from 1 (columns in UTF-16 code units, as editors
 * do).
 */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Names of one `.proto` file: how it is imported, and how it is shown to the user. */
export interface SourceNames {
  /** The name that an `import` statement uses for it, for example `acme/greeter.proto`. */
  readonly importName: string;
  /** The path that messages show, relative to the working directory where possible. */
  readonly displayPath: string;
}

/** The text of one `.proto` file, with positions for offsets. A value: it never changes. */
export class SourceFile {
  /** See {@link SourceNames.importName}. */
  readonly importName: string;
  /** See {@link SourceNames.displayPath}. */
  readonly displayPath: string;
  /** The whole text, without a byte order mark. */
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(names: SourceNames, text: string) {
    this.importName = names.importName;
    this.displayPath = names.displayPath;
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text;
    this.#lineStarts = findLineStarts(this.text);
  }

  /** Position of an offset; offsets behind the end give the end of the last line. */
  positionAt(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const column = Math.min(offset, this.text.length) - (this.#lineStarts[low] ?? 0) + 1;
    return { line: low + 1, column };
  }

  /** Text of a line (counted from 1), without its end-of-line characters. */
  lineText(line: number): string {
    const start = this.#lineStarts[line - 1] ?? this.text.length;
    const end = this.#lineStarts[line] ?? this.text.length + 1;
    return this.text.slice(start, end - 1).replace(/\r$/, '');
  }

  /** Offset of the first character of a line (counted from 1). */
  offsetOfLine(line: number): number {
    return this.#lineStarts[line - 1] ?? this.text.length;
  }
}

function findLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
