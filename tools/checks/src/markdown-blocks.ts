/** A fenced block of code in a Markdown document. */
export interface MarkdownBlock {
  /** Path of the document from the repository's root. */
  readonly file: string;
  /** The line of the opening fence, counted from 1; the code begins on the next one. */
  readonly line: number;
  /** The first word after the fence, in lower case; may be empty. */
  readonly language: string;
  readonly code: string;
  /** What the comment before the block says after `snippet:`; absent without such a comment. */
  readonly annotation?: string;
}

interface Fence {
  readonly indent: number;
  readonly mark: string;
  readonly language: string;
}

/**
 * Lists the fenced blocks of a Markdown text. A comment `<!-- snippet: … -->` belongs to the block
 * that follows it, with nothing but blank lines between (prettier puts one there).
 */
export function readMarkdownBlocks(file: string, markdown: string): MarkdownBlock[] {
  const lines = markdown.split('\n');
  const blocks: MarkdownBlock[] = [];
  for (let index = 0; index < lines.length; index++) {
    const fence = openingFence(lines[index] ?? '');
    if (!fence) continue;
    const start = index + 1;
    index = start;
    while (index < lines.length && !closes(lines[index] ?? '', fence)) index++;
    const code = lines.slice(start, index).map((line) => removeIndent(line, fence.indent));
    const annotation = annotationBefore(lines, start - 1);
    blocks.push({
      file,
      line: start,
      language: fence.language,
      code: code.join('\n'),
      ...(annotation === undefined ? {} : { annotation }),
    });
  }
  return blocks;
}

function openingFence(line: string): Fence | undefined {
  const match = /^([ \t]*)(`{3,}|~{3,})[ \t]*([\w-]*)/.exec(line);
  if (!match) return undefined;
  const [, indent = '', mark = '', language = ''] = match;
  return { indent: indent.length, mark, language: language.toLowerCase() };
}

function closes(line: string, fence: Fence): boolean {
  const text = line.trim();
  return text.startsWith(fence.mark) && text === fence.mark.charAt(0).repeat(text.length);
}

function removeIndent(line: string, columns: number): string {
  const blanks = line.length - line.trimStart().length;
  return line.slice(Math.min(blanks, columns));
}

function annotationBefore(lines: readonly string[], fenceIndex: number): string | undefined {
  const before = lines.slice(0, fenceIndex).findLast((line) => line.trim() !== '') ?? '';
  return /^\s*<!--\s*snippet:\s*(.*?)\s*-->\s*$/.exec(before)?.[1];
}
