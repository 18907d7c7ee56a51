import ts from 'typescript';

import type { Finding } from './finding.js';

/** The most columns of a line. Source: docs/CONVENTIONS.md and .prettierrc.json. */
export const COLUMNS_MAX = 100;

/** Finds the lines that are too wide; lines of an `import … from` and lines with a URL may be. */
export function checkLineWidths(file: string, source: ts.SourceFile): Finding[] {
  const exempt = moduleLines(source);
  return source.text.split('\n').flatMap((text, index) => {
    const columns = [...text].length;
    if (columns <= COLUMNS_MAX || exempt.has(index) || /https?:\/\//.test(text)) return [];
    return [{ file, line: index + 1, text: `has ${columns} columns, limit is ${COLUMNS_MAX}` }];
  });
}

function moduleLines(source: ts.SourceFile): Set<number> {
  const lines = new Set<number>();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const first = source.getLineAndCharacterOfPosition(statement.getStart(source)).line;
    const last = source.getLineAndCharacterOfPosition(statement.getEnd()).line;
    for (let line = first; line <= last; line++) lines.add(line);
  }
  return lines;
}
