import { posix } from 'node:path';

import ts from 'typescript';

import { moduleKind } from './module-name.js';
import { lineOf } from './source-file.js';
import { isGenerated, isTest, type WorkspacePackage } from './workspace.js';

import type { Finding } from './finding.js';
import type { PackageSource } from './package-source.js';

/**
 * Finds what one file does against the shape of a package: an import by path that leaves the
 * package, reaches its index or a test; `export *` in an index; a default export. Generated files
 * may export as they like.
 */
export function checkFileRules(source: PackageSource, owner: WorkspacePackage): Finding[] {
  const file = source.path;
  const findings: Finding[] = [];
  for (const { specifier, line } of source.imports) {
    const text = pathViolation(file, specifier, owner);
    if (text !== undefined) findings.push({ file, line, text });
  }
  if (isGenerated(file)) return findings;
  for (const statement of source.tree.statements) {
    const text = exportViolation(file, statement);
    if (text !== undefined) findings.push({ file, line: lineOf(statement), text });
  }
  return findings;
}

/** Gives the path, from the root, that a relative specifier names, with the suffix of a source. */
export function resolveSpecifier(from: string, specifier: string): string {
  const path = posix.join(posix.dirname(from), specifier);
  return path.replace(/\.([cm]?)js$/, '.$1ts');
}

function pathViolation(
  from: string,
  specifier: string,
  owner: WorkspacePackage,
): string | undefined {
  if (moduleKind(specifier) !== 'file') return undefined;
  const target = resolveSpecifier(from, specifier);
  if (specifier.startsWith('/') || !target.startsWith(`${owner.folder}/`)) {
    return `imports ${specifier}, a path outside its package, want the name of the package`;
  }
  if (/^src(\/(index(\.ts)?)?)?$/.test(target.slice(owner.folder.length + 1))) {
    return `imports the index of its own package, want the file itself`;
  }
  return isTest(target) ? `imports ${specifier}, which belongs to the tests` : undefined;
}

function exportViolation(file: string, statement: ts.Statement): string | undefined {
  if (ts.isExportAssignment(statement)) return 'has a default export, want a name';
  if (ts.isExportDeclaration(statement)) return exportListViolation(file, statement);
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  const isDefault = modifiers?.some((one) => one.kind === ts.SyntaxKind.DefaultKeyword);
  return isDefault ? 'has a default export, want a name' : undefined;
}

function exportListViolation(file: string, list: ts.ExportDeclaration): string | undefined {
  const clause = list.exportClause;
  if (clause && ts.isNamedExports(clause)) {
    const isDefault = clause.elements.some((element) => element.name.text === 'default');
    return isDefault ? 'has a default export, want a name' : undefined;
  }
  const isIndex = posix.basename(file) === 'index.ts';
  return isIndex ? 'exports a star, want the names one by one' : undefined;
}
