import { EDITIONS } from '../convert/convert-file.js';
import type { ImportNode, OptionNode, PackageNode } from '../syntax/tree.js';
import type { RuleContext } from './rule-context.js';

/** Checks the statements at the top of a file: syntax, package and imports. */
export function checkFile(context: RuleContext): void {
  const imports = new Map<string, ImportNode>();
  let packageNode: PackageNode | undefined;
  for (const member of context.file.tree.members) {
    if (member.kind === 'syntax' || member.kind === 'edition') {
      checkSyntax(member.kind, member.value, context);
    } else if (member.kind === 'package') {
      if (packageNode !== undefined) reportSecondPackage(member, packageNode, context);
      packageNode = member;
    } else if (member.kind === 'import') {
      checkImport(member, imports, context);
    }
  }
}

/** Checks that features are set in editions only. */
export function checkFeatureOptions(options: readonly OptionNode[], context: RuleContext): void {
  const { edition } = context.file;
  if (edition !== 'proto2' && edition !== 'proto3') return;
  for (const option of options) {
    const [first] = option.name;
    if (first === undefined || first.isExtension || first.text !== 'features') continue;
    const text = `Cannot set features: the file is of ${edition}, wanted an edition`;
    context.report(first, text, `Write edition = "2023"; instead of syntax = "${edition}";`);
  }
}

function checkSyntax(
  kind: 'syntax' | 'edition',
  value: { readonly text: string; readonly start: number; readonly end: number },
  context: RuleContext,
): void {
  const known = kind === 'syntax' ? ['proto2', 'proto3'] : [...EDITIONS.keys()];
  if (known.includes(value.text)) return;
  const text =
    `Cannot use ${kind} "${value.text}": wanted ` +
    `${known.map((name) => `"${name}"`).join(' or ')}`;
  const hint =
    kind === 'syntax'
      ? 'Editions are written as edition = "2023";'
      : 'Newer editions are not known yet';
  context.report(value, text, hint);
}

function reportSecondPackage(node: PackageNode, first: PackageNode, context: RuleContext): void {
  const text =
    `Cannot set package "${node.name.text}": line ${context.lineOf(first)} sets it ` + `already`;
  context.report(node, text, 'A file is in one package; remove one of the two');
}

function checkImport(node: ImportNode, seen: Map<string, ImportNode>, context: RuleContext): void {
  const before = seen.get(node.path.text);
  if (before !== undefined) {
    const text =
      `Cannot import "${node.path.text}": line ${context.lineOf(before)} imports ` + `it already`;
    context.report(node.path, text, 'Remove one of the two');
  }
  seen.set(node.path.text, node);
  if (node.modifier !== 'option' || context.file.edition >= '2024') return;
  const text =
    `Cannot use "import option": the file is of ${context.file.edition}, wanted ` + `edition 2024`;
  context.report(node, text, 'Remove the word "option"');
}
