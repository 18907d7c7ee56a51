import { join } from 'node:path';

import ts from 'typescript';

/** An error of the type checker. */
export interface SnippetTypeError {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}

/**
 * Checks the types of some files in one program, with the options of tsconfig.base.json, and the
 * packages as they are built. Unused names are no error: documents introduce names step by step.
 */
export function checkSnippetTypes(root: string, paths: readonly string[]): SnippetTypeError[] {
  const base = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(base.config, ts.sys, root);
  const program = ts.createProgram([...paths], {
    ...options,
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    typeRoots: [join(root, 'node_modules/@types')],
  });
  return paths.flatMap((path) => {
    const source = program.getSourceFile(path);
    if (!source) return [];
    return ts.getPreEmitDiagnostics(program, source).map((diagnostic) => {
      const { line } = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
      const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
      return { path, line: line + 1, text: `TS${diagnostic.code} ${text}` };
    });
  });
}
