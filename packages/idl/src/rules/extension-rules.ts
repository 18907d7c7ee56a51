import { MESSAGE_KINDS } from '../convert/convert-field.js';
import { join } from '../convert/names.js';
import type { RuleContext } from './rule-context.js';
import type { VisitedField } from './visit.js';

/** Messages of descriptor.proto; in proto3 nothing else can be extended. */
const OPTIONS_MESSAGE = /^google\.protobuf\.\w+Options$/;

/** Where an extension number was used first, by extended message and number. */
export type ExtensionNumbers = Map<string, { readonly fullName: string; readonly place: string }>;

/** Checks an extension field against the message that it extends. */
export function checkExtension(
  field: VisitedField,
  context: RuleContext,
  numbers: ExtensionNumbers,
): void {
  const extendee = field.extend?.extendee;
  if (extendee === undefined) return;
  const from = { scope: field.scope, file: context.file };
  const found = context.symbols.resolve(extendee.text, from, MESSAGE_KINDS).symbol;
  const target = found === undefined ? undefined : context.types.message(found.fullName);
  if (found === undefined || target === undefined) return;
  if (context.file.edition === 'proto3' && !OPTIONS_MESSAGE.test(found.fullName)) {
    const text =
      `Cannot extend "${found.fullName}": proto3 extends the options of ` + `descriptor.proto only`;
    context.report(extendee, text, 'Add the fields to the message, or use google.protobuf.Any');
    return;
  }
  const number = Number(field.node.number.value);
  const isDeclared = target.extensionRange.some(
    ({ start, end }) => number >= start && number < end,
  );
  if (!isDeclared) {
    const ranges = target.extensionRange.map(({ start, end }) => `${start} to ${end - 1}`);
    const text =
      `Cannot use extension number ${number}: "${found.fullName}" does not declare ` +
      `it for extensions`;
    const hint =
      ranges.length > 0 ? `It declares ${ranges.join(', ')}` : 'It has no extension range';
    context.report(field.node.number, text, hint);
  }
  checkUnique(field, context, { numbers, key: `${found.fullName} ${number}` });
}

function checkUnique(
  { node, scope }: VisitedField,
  context: RuleContext,
  used: { readonly numbers: ExtensionNumbers; readonly key: string },
): void {
  const before = used.numbers.get(used.key);
  const fullName = join(scope, node.name.text);
  if (before === undefined) {
    const place = `${context.file.source.displayPath}:${context.lineOf(node.number)}`;
    used.numbers.set(used.key, { fullName, place });
    return;
  }
  const text =
    `Cannot use extension number ${node.number.value}: "${before.fullName}" in ` +
    `${before.place} has it already`;
  context.report(node.number, text, 'Each extension of a message needs its own number');
}
