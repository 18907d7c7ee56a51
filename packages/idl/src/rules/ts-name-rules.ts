import { snakeToCamel } from '../emit/ts-names.js';
import { safeName } from '../messages/safe-names.js';
import type { EnumNode, MessageNode, NameNode } from '../syntax/tree.js';
import type { RuleContext } from './rule-context.js';

/**
 * Checks that different names of a file stay different in TypeScript, where underscores are
 * dropped: types, and the properties of each message.
 */
export function checkTsNames(context: RuleContext): void {
  const types = new Map<string, NameNode>();
  const { tree, packageName } = context.file;
  for (const member of tree.members) {
    if (member.kind === 'message') {
      const name = safeName(member.name.text, packageName, 'message');
      addMessage(member, snakeToCamel(name), { types, context });
    } else if (member.kind === 'enum') {
      const name = safeName(member.name.text, packageName, 'enum');
      addName(member.name, { tsName: snakeToCamel(name), what: 'type' }, { types, context });
    } else if (member.kind === 'service') {
      const tsName = `${member.name.text}Definition`;
      addName(member.name, { tsName, what: 'type' }, { types, context });
    }
  }
}

/** Names seen so far, and where findings go. */
interface Seen {
  readonly types: Map<string, NameNode>;
  readonly context: RuleContext;
}

function addMessage(node: MessageNode, tsName: string, seen: Seen): void {
  addName(node.name, { tsName, what: 'type' }, seen);
  const properties: Seen = { types: new Map(), context: seen.context };
  for (const member of node.members) {
    if (member.kind === 'field' || member.kind === 'oneof') {
      // Fields of a oneof are no properties: the oneof is one, with the cases in it.
      const property = { tsName: snakeToCamel(member.name.text), what: 'property' };
      addName(member.name, property, properties);
    }
    const nested = nestedType(member);
    if (nested === undefined) continue;
    const inner = `${tsName}_${snakeToCamel(nested.name.text)}`;
    if (nested.kind === 'message') addMessage(nested, inner, seen);
    else addName(nested.name, { tsName: inner, what: 'type' }, seen);
  }
}

function nestedType(member: MessageNode['members'][number]): MessageNode | EnumNode | undefined {
  if (member.kind === 'message' || member.kind === 'enum') return member;
  return member.kind === 'field' ? member.group : undefined;
}

function addName(
  name: NameNode,
  entry: { readonly tsName: string; readonly what: string },
  { types, context }: Seen,
): void {
  const before = types.get(entry.tsName);
  types.set(entry.tsName, name);
  // Equal names are found as such elsewhere.
  if (before === undefined || before.text === name.text) return;
  const text =
    `Cannot use name "${name.text}": in TypeScript it is the ${entry.what} ` +
    `${entry.tsName}, as "${before.text}" in line ${context.lineOf(before)} is`;
  context.report(name, text, 'Rename one of the two; underscores do not count in TypeScript');
}
