import ts from 'typescript';

/**
 * Gives the numbers (from 0) of the lines of a node that hold code: at least one token starts, ends
 * or goes on there. Lines of comments alone and blank lines, also those inside a template, are out.
 */
export function codeLines(node: ts.Node): Set<number> {
  const source = node.getSourceFile();
  const lines = new Set<number>();
  const blank = blankLines(source);
  const visit = (one: ts.Node): void => {
    if (one.kind >= ts.SyntaxKind.FirstJSDocNode && one.kind <= ts.SyntaxKind.LastJSDocNode) return;
    const children = one.getChildren(source);
    for (const child of children) visit(child);
    if (children.length > 0 || one.getEnd() === one.getStart(source)) return;
    const first = source.getLineAndCharacterOfPosition(one.getStart(source)).line;
    const last = source.getLineAndCharacterOfPosition(one.getEnd()).line;
    for (let line = first; line <= last; line++) if (!blank.has(line)) lines.add(line);
  };
  visit(node);
  return lines;
}

/** Counts the lines of a C text that hold code. Comment marks inside strings are taken as marks. */
export function countCodeLinesC(text: string): number {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, keepLineBreaks).replace(/\/\/.*$/gm, '');
  return code.split('\n').filter((line) => line.trim() !== '').length;
}

function keepLineBreaks(comment: string): string {
  return comment.replace(/[^\n]/g, '');
}

function blankLines(source: ts.SourceFile): Set<number> {
  const lines = source.text.split('\n');
  return new Set(lines.flatMap((line, index) => (line.trim() === '' ? [index] : [])));
}
