import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { GOLDEN, goldenFeatures, readTree } from './golden.js';

const STRICTEST: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: true,
  noEmit: true,
};

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

describe('generated code', () => {
  it('compiles with the strictest options, and refuses wrong use', { timeout: 60_000 }, () => {
    const generated = goldenFeatures().flatMap((feature) => {
      const folder = join(GOLDEN, feature, 'out');
      const names = [...readTree(folder).keys()].filter((name) => name.endsWith('.ts'));
      return names.map((name) => join(folder, name));
    });
    expect(generated.length).toBeGreaterThan(15);
    const rootNames = [...generated, here('stub/portcall-rpc.d.ts'), here('usage.ts')];
    const program = ts.createProgram(rootNames, STRICTEST);
    const diagnostics = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
      const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
      return `${diagnostic.file?.fileName}:${diagnostic.start}: ${text}`;
    });
    expect(diagnostics).toEqual([]);
  });

  it('has no any of ours', () => {
    const trees = goldenFeatures().map((feature) => readTree(join(GOLDEN, feature, 'out')));
    const ours = trees.flatMap((tree) =>
      [...tree].filter(([name]) => name.endsWith('.portcall.ts')),
    );
    expect(ours.length).toBeGreaterThan(5);
    expect(ours.filter(([, content]) => /\bany\b/.test(content))).toEqual([]);
  });
});
