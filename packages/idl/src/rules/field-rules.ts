import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { SCALAR_TYPES } from '../convert/convert-field.js';
import { join } from '../convert/names.js';
import type { OptionNode } from '../syntax/tree.js';
import { checkFieldNumber } from './number-rules.js';
import type { RuleContext } from './rule-context.js';
import type { VisitedField } from './visit.js';

/** Checks a field, or an extension field, by itself. */
export function checkField(field: VisitedField, context: RuleContext): void {
  checkFieldNumber(field.node, context);
  checkLabel(field, context);
  if (field.node.map !== undefined) checkMap(field, context);
  if (field.node.group !== undefined) checkGroup(field, context);
  const proto = descriptorOf(field, context);
  if (proto === undefined) return;
  for (const option of field.node.options) checkOption(option, { field, proto, context });
  checkEnumType(field, proto, context);
}

function checkLabel({ node, oneof, extend }: VisitedField, context: RuleContext): void {
  const { edition } = context.file;
  const label = node.label;
  const name = node.name.text;
  if (oneof !== undefined && label !== undefined) {
    const text = `Cannot use "${label.text}" for field "${name}": a field in a oneof has no label`;
    context.report(label, text, `Remove "${label.text}"`);
  } else if (node.map !== undefined && label !== undefined) {
    const text = `Cannot use "${label.text}" for field "${name}": a map field has no label`;
    context.report(label, text, `Remove "${label.text}"`);
  } else if (label === undefined) {
    if (edition !== 'proto2' || oneof !== undefined || node.map !== undefined) return;
    const text =
      `Cannot define field "${name}": it has no label, wanted optional, required ` + `or repeated`;
    context.report(node.type, text, 'Write "optional" in front, or syntax = "proto3"; at the top');
  } else if (label.text === 'required' && edition === 'proto3') {
    const text = `Cannot use "required" for field "${name}": proto3 has no required fields`;
    context.report(label, text, 'Remove "required"');
  } else if (label.text !== 'repeated' && edition !== 'proto2' && edition !== 'proto3') {
    const text = `Cannot use "${label.text}" for field "${name}": editions have no such label`;
    const value = label.text === 'required' ? 'LEGACY_REQUIRED' : 'EXPLICIT';
    context.report(label, text, `Write [features.field_presence = ${value}] instead`);
  } else if (label.text === 'required' && extend !== undefined) {
    const text = `Cannot use "required" for field "${name}": an extension cannot be required`;
    context.report(label, text, 'Write "optional"');
  }
}

function checkMap({ node, oneof, extend }: VisitedField, context: RuleContext): void {
  const name = node.name.text;
  if (oneof !== undefined || extend !== undefined) {
    const place = oneof === undefined ? 'an extension' : 'in a oneof';
    const text = `Cannot define field "${name}": a map cannot be ${place}`;
    context.report(node.type, text, 'Put the map into a message and use that');
  }
  const key = node.map?.key;
  if (key === undefined || MAP_KEY_TYPES.has(key.text)) return;
  const text =
    `Cannot use type "${key.text}" as the key of a map: wanted a whole number, ` + `bool or string`;
  context.report(key, text, 'Numbers with a fraction, bytes, enums and messages cannot be keys');
}

const MAP_KEY_TYPES: ReadonlySet<string> = new Set(
  [...SCALAR_TYPES.keys()].filter((name) => !['float', 'double', 'bytes'].includes(name)),
);

function checkGroup({ node }: VisitedField, context: RuleContext): void {
  const { edition } = context.file;
  const name = node.group?.name;
  if (edition === 'proto3') {
    const text = `Cannot define group "${name?.text}": proto3 has no groups`;
    context.report(node.type, text, 'Define a message and a field of that type');
  } else if (edition !== 'proto2') {
    const text = `Cannot define group "${name?.text}": editions have no groups`;
    context.report(
      node.type,
      text,
      'Use a message field with [features.message_encoding = DELIMITED]',
    );
  }
}

/** An option of a field, with what the rules about it need. */
interface FieldOption {
  readonly field: VisitedField;
  readonly proto: FieldDescriptorProto;
  readonly context: RuleContext;
}

function checkOption(option: OptionNode, { field, proto, context }: FieldOption): void {
  const [first] = option.name;
  if (first === undefined || first.isExtension) return;
  const isRepeated = field.node.label?.text === 'repeated';
  const isTrue = option.value.kind === 'identifier' && option.value.text === 'true';
  const report = (reason: string, hint: string): void =>
    context.report(first, `Cannot set ${first.text} of "${field.node.name.text}": ${reason}`, hint);
  if (first.text === 'default') checkDefault(option, { field, proto, context });
  else if (first.text === 'json_name' && field.extend !== undefined) {
    report('an extension has no JSON name of its own', 'Remove json_name');
  } else if (first.text === 'packed' && isTrue && !(isRepeated && PACKABLE.has(proto.type))) {
    const hint = 'Only repeated numbers, booleans and enums can be packed';
    report(`found ${isRepeated ? 'repeated ' : ''}${field.node.type.text}`, hint);
  } else if ((first.text === 'lazy' || first.text === 'unverified_lazy') && isTrue) {
    if (proto.type !== Type.MESSAGE && proto.type !== Type.GROUP) {
      report(`found ${field.node.type.text}`, 'Only message fields can be read late');
    }
  } else if (first.text === 'jstype' && !LONG_TYPES.has(proto.type)) {
    report(`found ${field.node.type.text}`, 'Only whole numbers of 64 bits have a JavaScript type');
  } else if (first.text === 'ctype' && proto.type !== Type.STRING && proto.type !== Type.BYTES) {
    report(`found ${field.node.type.text}`, 'Only string and bytes have a C++ type');
  }
}

function checkDefault(option: OptionNode, { field, proto, context }: FieldOption): void {
  const name = field.node.name.text;
  const at = option.name[0] ?? option;
  const report = (reason: string, hint: string): void =>
    context.report(at, `Cannot set default of "${name}": ${reason}`, hint);
  if (context.file.edition === 'proto3') {
    report('proto3 has no default values', 'Remove it; an absent field is 0, "", false or empty');
  } else if (field.features.field_presence === 'IMPLICIT' && field.oneof === undefined) {
    report('a field without presence has no default', 'Remove it, or features.field_presence');
  } else if (field.node.label?.text === 'repeated' || field.node.map !== undefined) {
    report('a repeated field has no default', 'Remove it; an absent one is empty');
  } else if (proto.type === Type.ENUM && option.value.kind === 'identifier') {
    const values = context.types.enum(proto.typeName)?.value ?? [];
    const wanted = option.value.text;
    if (values.length === 0 || values.some((value) => value.name === wanted)) return;
    const text =
      `Cannot set default of "${name}": ${proto.typeName.slice(1)} has no value ` + `"${wanted}"`;
    const names = values.slice(0, 8).map((value) => value.name);
    context.report(option.value, text, `It has ${names.join(', ')}`);
  }
}

/** A field without presence needs an enum whose unknown values it can keep. */
function checkEnumType(
  field: VisitedField,
  proto: FieldDescriptorProto,
  context: RuleContext,
): void {
  if (proto.type !== Type.ENUM || field.extend !== undefined) return;
  if (field.features.field_presence !== 'IMPLICIT') return;
  const owner = context.symbols.get(proto.typeName.slice(1))?.file;
  if (owner === undefined || owner.edition !== 'proto2') return;
  const text =
    `Cannot use enum "${proto.typeName.slice(1)}" in field ` +
    `"${field.node.name.text}": it is of proto2, and closed`;
  context.report(field.node.type, text, 'Use an enum of a proto3 file');
}

function descriptorOf(
  { node, scope, extend }: VisitedField,
  { types }: RuleContext,
): FieldDescriptorProto | undefined {
  if (extend !== undefined) return types.extension(join(scope, node.name.text));
  const message = types.message(scope);
  return message === undefined ? undefined : types.field(message, node.name.text);
}

const LONG_TYPES: ReadonlySet<Type> = new Set([
  Type.INT64,
  Type.UINT64,
  Type.SINT64,
  Type.FIXED64,
  Type.SFIXED64,
]);

const PACKABLE: ReadonlySet<Type> = new Set([
  ...LONG_TYPES,
  Type.INT32,
  Type.UINT32,
  Type.SINT32,
  Type.FIXED32,
  Type.SFIXED32,
  Type.FLOAT,
  Type.DOUBLE,
  Type.BOOL,
  Type.ENUM,
]);
