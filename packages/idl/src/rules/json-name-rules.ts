import { defaultJsonName } from '../convert/names.js';
import type { FieldNode, MessageNode } from '../syntax/tree.js';
import type { RuleContext } from './rule-context.js';
import type { VisitedMessage } from './visit.js';

/** A field with its JSON name, and whether the name was given with `json_name`. */
interface JsonName {
  readonly node: FieldNode;
  readonly text: string;
  readonly isCustom: boolean;
}

/**
 * Checks that no two fields of a message have the same name in JSON, both as derived from the field
 * names and as set with `json_name`. In proto2 only two names that were both set clash.
 */
export function checkJsonNames(message: VisitedMessage, context: RuleContext): void {
  if (hasFlag(message.node, 'deprecated_legacy_json_field_conflicts')) return;
  const isStrict = message.features.json_format === 'ALLOW';
  for (const useCustom of [false, true]) {
    const seen = new Map<string, JsonName>();
    for (const { node } of message.fields) {
      const name = jsonNameOf(node, useCustom);
      const before = seen.get(name.text);
      if (before === undefined) seen.set(name.text, name);
      else if (isClash(before, name, { useCustom, isStrict })) report(before, name, context);
    }
  }
}

function isClash(
  a: JsonName,
  b: JsonName,
  mode: { readonly useCustom: boolean; readonly isStrict: boolean },
): boolean {
  // Two default names that clash are found in the first pass, with the derived names.
  if (mode.useCustom && !a.isCustom && !b.isCustom) return false;
  return mode.isStrict || (a.isCustom && b.isCustom);
}

function report(before: JsonName, name: JsonName, context: RuleContext): void {
  const line = context.lineOf(before.node.name);
  const text =
    `Cannot use field name "${name.node.name.text}": in JSON it is "${name.text}", ` +
    `as field "${before.node.name.text}" in line ${line} is`;
  const hint = name.isCustom || before.isCustom ? 'Change json_name' : 'Rename one of the two';
  context.report(name.node.name, text, hint);
}

function jsonNameOf(node: FieldNode, useCustom: boolean): JsonName {
  const option = node.options.find(({ name: [first] }) => first?.text === 'json_name');
  const given =
    option?.value.kind === 'string' ? Buffer.from(option.value.bytes).toString() : undefined;
  if (useCustom && given !== undefined) return { node, text: given, isCustom: true };
  return { node, text: defaultJsonName(node.name.text), isCustom: false };
}

function hasFlag(node: MessageNode, option: string): boolean {
  return node.members.some(
    (member) =>
      member.kind === 'option' &&
      member.name[0]?.text === option &&
      member.value.kind === 'identifier' &&
      member.value.text === 'true',
  );
}
