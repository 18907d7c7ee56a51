import ts from 'typescript';

import { lineOf } from './source-file.js';

/** One place where a file names another module. */
export interface ModuleImport {
  /** As written; the name given to `process.getBuiltinModule` as well. */
  readonly specifier: string;
  readonly line: number;
}

/**
 * Finds every module that a file names: `import`, `import type`, `export … from`, `import('x')` as
 * a call and as a type, `import x = require('x')`, `require` and what `createRequire` returns (also
 * `.resolve`), `import.meta.resolve` and `process.getBuiltinModule`. A name that is computed at run
 * time cannot be known here and is left out.
 */
export function scanImports(source: ts.SourceFile): ModuleImport[] {
  const requireNames = findRequireNames(source);
  const found: ModuleImport[] = [];
  const visit = (node: ts.Node): void => {
    const name = moduleName(node, requireNames);
    if (name && ts.isStringLiteralLike(name)) {
      found.push({ specifier: name.text, line: lineOf(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function moduleName(node: ts.Node, requireNames: ReadonlySet<string>): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  }
  if (ts.isCallExpression(node) && loadsModule(node.expression, requireNames)) {
    return node.arguments[0];
  }
  return undefined;
}

function loadsModule(callee: ts.Expression, requireNames: ReadonlySet<string>): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return requireNames.has(callee.text);
  if (isCreateRequire(callee)) return true;
  if (!ts.isPropertyAccessExpression(callee)) return false;
  if (callee.name.text === 'getBuiltinModule') return true;
  if (callee.name.text !== 'resolve') return false;
  return ts.isMetaProperty(callee.expression) || loadsModule(callee.expression, requireNames);
}

/** The names that a file binds to a `require` function, and `require` itself. */
function findRequireNames(source: ts.SourceFile): Set<string> {
  const names = new Set(['require']);
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.initializer && isCreateRequire(node.initializer)) {
      names.add(node.name.getText(source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function isCreateRequire(node: ts.Expression): boolean {
  if (!ts.isCallExpression(node)) return false;
  const callee = node.expression;
  const name = ts.isPropertyAccessExpression(callee) ? callee.name : callee;
  return ts.isIdentifier(name) && name.text === 'createRequire';
}
