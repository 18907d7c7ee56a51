import type { FieldNode, IntNode, NameNode, RangeNode } from '../syntax/tree.js';
import type { RuleContext } from './rule-context.js';
import type { VisitedMessage } from './visit.js';

/** Largest field number: 2^29 - 1, since a tag has 32 bits and three of them hold the wire type. */
const FIELD_NUMBER_MAX = 536870911n;

/** Largest extension number of a message with `message_set_wire_format`. */
const MESSAGE_SET_NUMBER_MAX = 2147483646n;

/** Numbers that protobuf keeps for its own implementation. */
const IMPLEMENTATION_FIRST = 19000n;
const IMPLEMENTATION_LAST = 19999n;

/** Checks a field number by itself. */
export function checkFieldNumber(field: FieldNode, context: RuleContext): void {
  const { value } = field.number;
  const what = `Cannot use field number ${value}`;
  if (value < 1n || value > FIELD_NUMBER_MAX) {
    const text = `${what}: wanted 1 to ${FIELD_NUMBER_MAX}`;
    context.report(field.number, text, 'Numbers from 1 to 15 take one byte less');
  } else if (value >= IMPLEMENTATION_FIRST && value <= IMPLEMENTATION_LAST) {
    const range = `${IMPLEMENTATION_FIRST} to ${IMPLEMENTATION_LAST}`;
    const text = `${what}: ${range} are kept for the implementation of protobuf`;
    context.report(field.number, text, 'Choose a number outside of that range');
  }
}

/** Checks the numbers and names of a message against each other and against what is reserved. */
export function checkMessageNumbers(message: VisitedMessage, context: RuleContext): void {
  const ranges = rangesOf(message);
  checkRanges(ranges, { context, max: rangeMax(message) });
  const byNumber = new Map<bigint, FieldNode>();
  for (const { node } of message.fields) {
    checkDuplicate(node, byNumber, context);
    for (const range of ranges) checkAgainstRange(node, range, context);
  }
  const names = message.node.members.flatMap((m) => (m.kind === 'reserved' ? m.names : []));
  checkReservedNames(
    names,
    message.fields.map(({ node }) => node.name),
    context,
  );
}

/** A reserved range or an extension range, as half of what fields must stay out of. */
export interface KindedRange {
  readonly kind: 'reserved' | 'extensions';
  readonly node: RangeNode;
  readonly first: bigint;
  readonly last: bigint;
}

/** Checks ranges by themselves and against each other. `max` is the largest number allowed. */
export function checkRanges(
  ranges: readonly KindedRange[],
  limits: { readonly context: RuleContext; readonly min?: bigint; readonly max: bigint },
): void {
  const { context, min = 1n, max } = limits;
  for (const [index, range] of ranges.entries()) {
    const shown = `${range.first} to ${range.last}`;
    if (range.first > range.last) {
      const text = `Cannot use range ${shown}: the end is in front of the start`;
      context.report(range.node, text, `Write ${range.last} to ${range.first}`);
    } else if (range.first < min || range.last > max) {
      const text = `Cannot use range ${shown}: wanted numbers from ${min} to ${max}`;
      context.report(range.node, text, 'Write "max" for the largest number');
    }
    const other = ranges.slice(0, index).find((before) => overlap(before, range));
    if (other === undefined) continue;
    const text =
      `Cannot use range ${shown}: it overlaps ${other.first} to ${other.last} ` +
      `(${other.kind}) in line ${context.lineOf(other.node)}`;
    context.report(range.node, text, 'Each number may be in one range only');
  }
}

/** Checks reserved names: used by a declaration, or given twice. */
export function checkReservedNames(
  reserved: readonly NameNode[],
  used: readonly NameNode[],
  context: RuleContext,
): void {
  const seen = new Map<string, NameNode>();
  for (const name of reserved) {
    const before = seen.get(name.text);
    if (before !== undefined) {
      const text =
        `Cannot reserve name "${name.text}": it is reserved in line ` +
        `${context.lineOf(before)} already`;
      context.report(name, text, 'Remove one of the two');
    } else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name.text)) {
      const text = `Cannot reserve name "${name.text}": wanted a name that a field could have`;
      context.report(name, text, 'Names have the letters A to Z, digits and _ only');
    }
    seen.set(name.text, name);
  }
  for (const name of used) {
    const by = seen.get(name.text);
    if (by === undefined) continue;
    const text = `Cannot use name "${name.text}": it is reserved in line ${context.lineOf(by)}`;
    context.report(name, text, 'Choose another name; reserved ones belonged to something deleted');
  }
}

/** Range as whole numbers; `max` stands for the largest number. */
export function toKindedRange(
  kind: KindedRange['kind'],
  node: RangeNode,
  max: bigint,
): KindedRange {
  return { kind, node, first: node.first.value, last: node.last?.value ?? max };
}

function rangesOf(message: VisitedMessage): KindedRange[] {
  const max = rangeMax(message);
  return message.node.members.flatMap((member) => {
    if (member.kind !== 'reserved' && member.kind !== 'extensions') return [];
    return member.ranges.map((range) => toKindedRange(member.kind, range, max));
  });
}

function rangeMax(message: VisitedMessage): bigint {
  const isMessageSet = message.node.members.some(
    (member) =>
      member.kind === 'option' &&
      member.name[0]?.text === 'message_set_wire_format' &&
      member.value.kind === 'identifier' &&
      member.value.text === 'true',
  );
  return isMessageSet ? MESSAGE_SET_NUMBER_MAX : FIELD_NUMBER_MAX;
}

function checkDuplicate(
  node: FieldNode,
  byNumber: Map<bigint, FieldNode>,
  context: RuleContext,
): void {
  const before = byNumber.get(node.number.value);
  if (before === undefined) {
    byNumber.set(node.number.value, node);
    return;
  }
  const text =
    `Cannot use field number ${node.number.value}: field "${before.name.text}" in ` +
    `line ${context.lineOf(before.number)} has it already`;
  const taken: IntNode = node.number;
  context.report(taken, text, 'Give each field of a message its own number');
}

function checkAgainstRange(node: FieldNode, range: KindedRange, context: RuleContext): void {
  const { value } = node.number;
  if (value < range.first || value > range.last) return;
  const line = context.lineOf(range.node);
  if (range.kind === 'reserved') {
    const text = `Cannot use field number ${value}: it is reserved in line ${line}`;
    context.report(node.number, text, 'Choose a number that was never used');
  } else {
    const text = `Cannot use field number ${value}: it is in the extension range in line ${line}`;
    context.report(node.number, text, 'Choose a number outside of the extension ranges');
  }
}

function overlap(a: KindedRange, b: KindedRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}
