import { create } from '@bufbuild/protobuf';
import {
  type SourceCodeInfo,
  type SourceCodeInfo_Location,
  SourceCodeInfo_LocationSchema,
  SourceCodeInfoSchema,
} from '@bufbuild/protobuf/wkt';
import { gapComments } from '../syntax/comments.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { Token } from '../syntax/token.js';
import type { Declaration } from '../syntax/tree.js';

/** protoc counts a tab as the columns up to the next multiple of this. */
const TAB_WIDTH = 8;

/** Collects `source_code_info` of one file: spans and comments of its declarations. */
export class SourceLocations {
  readonly #file: ParsedFile;
  readonly #locations: SourceCodeInfo_Location[] = [];

  constructor(file: ParsedFile) {
    this.#file = file;
    this.#addWholeFile();
  }

  /** Adds a declaration. `path` is made of field numbers and indexes, as descriptor.proto says. */
  add(path: readonly number[], node: Declaration): void {
    const { leading, detached, trailing } = this.#comments(node);
    const location = create(SourceCodeInfo_LocationSchema, {
      path: [...path],
      span: this.#span(node.start, node.end),
      leadingDetachedComments: [...detached],
    });
    if (leading !== '') location.leadingComments = leading;
    if (trailing !== '') location.trailingComments = trailing;
    this.#locations.push(location);
  }

  /** The finished message. */
  toSourceCodeInfo(): SourceCodeInfo {
    return create(SourceCodeInfoSchema, { location: this.#locations });
  }

  #comments(node: Declaration): { leading: string; detached: readonly string[]; trailing: string } {
    const before = this.#token(node.firstToken - 1);
    const head = this.#token(node.headEndToken);
    const first = this.#token(node.firstToken);
    const next = this.#token(node.headEndToken + 1);
    const { text } = this.#file.source;
    // Options in brackets have no comments: only `;`, `{` and `}` end a declaration.
    const isStatement = before === undefined || /^[;{}]$/.test(before.text);
    const front = isStatement && first !== undefined ? gapComments(text, before, first) : undefined;
    const endsHead = head !== undefined && /^[;{]$/.test(head.text);
    const back = endsHead && next !== undefined ? gapComments(text, head, next) : undefined;
    return {
      leading: front?.leading ?? '',
      detached: front?.detached ?? [],
      trailing: back?.trailing ?? '',
    };
  }

  #token(index: number): Token | undefined {
    return index < 0 ? undefined : this.#file.tokens[index];
  }

  #addWholeFile(): void {
    const first = this.#file.tokens[0];
    const last = this.#file.tokens.at(-2);
    if (first === undefined || last === undefined) return;
    const span = this.#span(first.start, last.end);
    this.#locations.push(create(SourceCodeInfo_LocationSchema, { path: [], span }));
  }

  /** Start line, start column, end line if it differs, end column; all counted from 0. */
  #span(start: number, end: number): number[] {
    const { source } = this.#file;
    const from = source.positionAt(start);
    const to = source.positionAt(end);
    const endLine = to.line === from.line ? [] : [to.line - 1];
    return [from.line - 1, this.#column(from), ...endLine, this.#column(to)];
  }

  #column(position: { line: number; column: number }): number {
    const before = this.#file.source.lineText(position.line).slice(0, position.column - 1);
    if (!/[^\x20-\x7e]/.test(before)) return before.length;
    let column = 0;
    for (const character of before) {
      if (character === '\t') column += TAB_WIDTH - (column % TAB_WIDTH);
      else column += Buffer.byteLength(character);
    }
    return column;
  }
}
