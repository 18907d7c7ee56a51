/*
 * Every symbol that a package's `src` declares and exports has a docstring, and so has every public
 * member of an exported class. Parsed only, no types. Not looked at: generated files, tests,
 * packages/testing and packages/examples.
 *
 * A member needs none when it is a constructor (the class says how it is made), private, protected,
 * `#hidden`, an `override`, or named by a well-known symbol (`[Symbol.asyncDispose]`). One
 * docstring is enough for the overloads of a function and for a pair of accessors.
 */
import ts from 'typescript';

import { hasDocstring } from './docstring.js';
import { exportedDeclarations } from './exported-declarations.js';
import { InterfaceDocs } from './interface-docs.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { isProgram, runCheck } from './run-check.js';
import { lineOf, parseSource } from './source-file.js';
import { isGenerated, isSource, isTest, listFiles, listPackages } from './workspace.js';

import type { CheckResult, Finding } from './finding.js';

const EXEMPT_PACKAGES: ReadonlySet<string> = new Set(['testing', 'examples']);

/** Checks the docstrings of every package of the repository at `root`. */
export function checkDocstrings(root: string): CheckResult {
  const sources = listPackages(root)
    .filter((owner) => !EXEMPT_PACKAGES.has(owner.shortName))
    .flatMap((owner) => listFiles(root, `${owner.folder}/src`))
    .filter((path) => isSource(path) && !isTest(path) && !isGenerated(path))
    .map((path) => parseSource(root, path));
  const docs = new InterfaceDocs();
  for (const source of sources) docs.add(source);
  let checked = 0;
  const findings: Finding[] = [];
  for (const source of sources) {
    for (const { name, nodes } of exportedDeclarations(source)) {
      const members = nodes.flatMap((node) => publicMembers(name, node, docs));
      const symbols = [{ name, nodes }, ...members];
      checked += symbols.length;
      for (const symbol of symbols) findings.push(...checkSymbol(source.fileName, symbol));
    }
  }
  return { checked, items: 'symbols', findings };
}

interface DocumentedSymbol {
  readonly name: string;
  readonly nodes: readonly ts.Node[];
}

function checkSymbol(file: string, { name, nodes }: DocumentedSymbol): Finding[] {
  const [first] = nodes;
  if (first === undefined || nodes.some(hasDocstring)) return [];
  return [{ file, line: lineOf(first), text: `${name} is exported without a docstring` }];
}

function publicMembers(className: string, node: ts.Node, docs: InterfaceDocs): DocumentedSymbol[] {
  const expression = ts.isVariableDeclaration(node) ? node.initializer : node;
  if (!expression || !ts.isClassLike(expression)) return [];
  const inherited = docs.inheritedBy(expression);
  const members = new Map<string, ts.Node[]>();
  for (const member of expression.members) {
    if (!member.name || !isPublic(member) || inherited.has(member.name.getText())) continue;
    const name = `${className}.${member.name.getText()}`;
    members.set(name, [...(members.get(name) ?? []), member]);
  }
  return [...members].map(([name, nodes]) => ({ name, nodes }));
}

function isPublic(member: ts.ClassElement): boolean {
  const { name } = member;
  if (!name || ts.isPrivateIdentifier(name)) return false;
  if (ts.isComputedPropertyName(name) && name.getText().startsWith('[Symbol.')) return false;
  const hiding = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Override;
  // Safe on every class element: an element without modifiers has the flags None.
  return (ts.getCombinedModifierFlags(member as ts.Declaration) & hiding) === 0;
}

if (isProgram(import.meta.url)) {
  await runCheck('docstrings', () => checkDocstrings(REPOSITORY_ROOT));
}
