import type { EnumNode, EnumValueNode } from '../syntax/tree.js';
import { checkRanges, checkReservedNames, toKindedRange } from './number-rules.js';
import type { RuleContext } from './rule-context.js';
import type { VisitedEnum } from './visit.js';

/** Enum numbers are signed numbers of 32 bits. */
const ENUM_NUMBER_MIN = -(2n ** 31n);
const ENUM_NUMBER_MAX = 2n ** 31n - 1n;

/** Checks an enum: its numbers, its first value, what is reserved, and its names in JSON. */
export function checkEnum(item: VisitedEnum, context: RuleContext): void {
  const { node } = item;
  const [first] = node.values;
  if (first === undefined) {
    const text = `Cannot define enum "${node.name.text}": it has no values, wanted at least one`;
    context.report(node.name, text, `Add a value with number 0, as in ${unspecified(node)} = 0;`);
    return;
  }
  if (item.features.enum_type === 'OPEN' && first.number.value !== 0n) {
    const text =
      `Cannot use enum value "${first.name.text}" first: its number is ` +
      `${first.number.value}, wanted 0`;
    const hint = `An absent field has the first value: add ${unspecified(node)} = 0; in front`;
    context.report(first.number, text, hint);
  }
  checkNumbers(node, context);
  checkReserved(node, context);
  checkJsonNames(item, context);
}

function checkNumbers(node: EnumNode, context: RuleContext): void {
  const byNumber = new Map<bigint, EnumValueNode>();
  const alias = node.options.find(({ name: [first] }) => first?.text === 'allow_alias');
  const allowsAlias = alias?.value.kind === 'identifier' && alias.value.text === 'true';
  let hasAlias = false;
  for (const value of node.values) {
    const number = value.number.value;
    if (number < ENUM_NUMBER_MIN || number > ENUM_NUMBER_MAX) {
      const text =
        `Cannot use enum number ${number}: wanted ${ENUM_NUMBER_MIN} to ` + `${ENUM_NUMBER_MAX}`;
      context.report(value.number, text, 'Enum numbers have 32 bits');
    }
    const before = byNumber.get(number);
    hasAlias ||= before !== undefined;
    if (before === undefined) byNumber.set(number, value);
    else if (!allowsAlias) {
      const text =
        `Cannot use enum number ${number}: value "${before.name.text}" in line ` +
        `${context.lineOf(before.number)} has it already`;
      context.report(
        value.number,
        text,
        'If that is meant, add option allow_alias = true; to the enum',
      );
    }
  }
  if (alias !== undefined && allowsAlias && !hasAlias) {
    const text =
      `Cannot set allow_alias: no two values of enum "${node.name.text}" have the ` + `same number`;
    context.report(alias, text, 'Remove the option');
  }
}

function checkReserved(node: EnumNode, context: RuleContext): void {
  const ranges = node.reserved.flatMap((reserved) =>
    reserved.ranges.map((range) => toKindedRange('reserved', range, ENUM_NUMBER_MAX)),
  );
  checkRanges(ranges, { context, min: ENUM_NUMBER_MIN, max: ENUM_NUMBER_MAX });
  for (const { number } of node.values) {
    const by = ranges.find(({ first, last }) => number.value >= first && number.value <= last);
    if (by === undefined) continue;
    const text =
      `Cannot use enum number ${number.value}: it is reserved in line ` +
      `${context.lineOf(by.node)}`;
    context.report(number, text, 'Choose a number that was never used');
  }
  const names = node.reserved.flatMap((reserved) => reserved.names);
  checkReservedNames(
    names,
    node.values.map(({ name }) => name),
    context,
  );
}

/** Two values must differ when case, underscores and the name of the enum in front are ignored. */
function checkJsonNames(item: VisitedEnum, context: RuleContext): void {
  if (item.features.json_format !== 'ALLOW') return;
  const isLegacy = item.node.options.some(
    ({ name: [first] }) => first?.text === 'deprecated_legacy_json_field_conflicts',
  );
  if (isLegacy) return;
  const seen = new Map<string, EnumValueNode>();
  for (const value of item.node.values) {
    const short = shortName(value.name.text, item.node.name.text);
    const before = seen.get(short);
    if (before === undefined) seen.set(short, value);
    else if (before.number.value !== value.number.value && before.name.text !== value.name.text) {
      const text =
        `Cannot use enum value "${value.name.text}": without the name of the enum ` +
        `it is "${short}", as "${before.name.text}" in line ${context.lineOf(before.name)} is`;
      context.report(value.name, text, 'Rename one of the two');
    }
  }
}

function shortName(valueName: string, enumName: string): string {
  const prefix = enumName.replaceAll('_', '').toLowerCase();
  let rest = 0;
  let matched = 0;
  while (rest < valueName.length && matched < prefix.length) {
    const character = valueName.charAt(rest).toLowerCase();
    if (character !== '_') {
      if (character !== prefix.charAt(matched)) break;
      matched += 1;
    }
    rest += 1;
  }
  const stripped = valueName.slice(rest).replace(/^_+/, '');
  const kept = matched === prefix.length && stripped !== '' ? stripped : valueName;
  const words = kept.split('_').filter((word) => word !== '');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join('');
}

function unspecified(node: EnumNode): string {
  const words = node.name.text.replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `${words.toUpperCase()}_UNSPECIFIED`;
}
