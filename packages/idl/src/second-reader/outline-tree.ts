import type { ParsedFile } from '../syntax/parse-file.js';
import type { EnumNode, ExtendNode, FieldNode, MessageNode, ServiceNode } from '../syntax/tree.js';

/**
 * What our own tree says a file declares, as one line for each declaration, sorted. The other
 * reader's result is put into the same form (`outline-root.ts`) and must be equal.
 */
export function outlineTree(file: ParsedFile): string[] {
  const lines: string[] = [];
  const scope = file.packageName === '' ? '' : `.${file.packageName}`;
  for (const member of file.tree.members) {
    if (member.kind === 'message') addMessage(member, scope, lines);
    else if (member.kind === 'enum') addEnum(member, scope, lines);
    else if (member.kind === 'extend') addExtend(member, scope, lines);
    else if (member.kind === 'service') addService(member, scope, lines);
  }
  return lines.toSorted();
}

function addMessage(node: MessageNode, scope: string, lines: string[]): void {
  const fullName = `${scope}.${node.name.text}`;
  lines.push(`message ${fullName}`);
  for (const member of node.members) {
    if (member.kind === 'field') addField(member, fullName, lines);
    else if (member.kind === 'oneof') {
      for (const field of member.fields) addField(field, fullName, lines);
    } else if (member.kind === 'message') addMessage(member, fullName, lines);
    else if (member.kind === 'enum') addEnum(member, fullName, lines);
    else if (member.kind === 'extend') addExtend(member, fullName, lines);
  }
}

function addField(node: FieldNode, scope: string, lines: string[]): void {
  const type =
    node.map === undefined ? node.type.text : `map ${node.map.key.text} ${node.map.value.text}`;
  const repeated = node.label?.text === 'repeated' ? 'repeated ' : '';
  if (node.group !== undefined) {
    // protobufjs names the field of a group otherwise; its message and number are compared.
    lines.push(`field ${scope} ${repeated}group = ${node.number.value}`);
    addMessage(node.group, scope, lines);
    return;
  }
  lines.push(`field ${scope}.${node.name.text} ${repeated}${type} = ${node.number.value}`);
}

function addExtend(node: ExtendNode, scope: string, lines: string[]): void {
  for (const field of node.fields) addField(field, scope, lines);
}

function addEnum(node: EnumNode, scope: string, lines: string[]): void {
  lines.push(`enum ${scope}.${node.name.text}`);
  for (const { name, number } of node.values) {
    lines.push(`value ${scope}.${node.name.text}.${name.text} = ${number.value}`);
  }
}

function addService(node: ServiceNode, scope: string, lines: string[]): void {
  lines.push(`service ${scope}.${node.name.text}`);
  for (const { name, input, output } of node.methods) {
    const from = `${input.stream ? 'stream ' : ''}${input.type.text}`;
    const to = `${output.stream ? 'stream ' : ''}${output.type.text}`;
    lines.push(`method ${scope}.${node.name.text}.${name.text} ${from} -> ${to}`);
  }
}
