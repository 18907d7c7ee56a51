import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

/** Parses one source file, without types; `path` is relative to the root and becomes its name. */
export function parseSource(root: string, path: string): ts.SourceFile {
  return parseText(path, readFileSync(join(root, path), 'utf8'));
}

/** Parses a text as the file of this name. */
export function parseText(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
}

/** Gives the line of a node's first token, counted from 1. */
export function lineOf(node: ts.Node): number {
  const source = node.getSourceFile();
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}
