import { create, fromBinary } from '@bufbuild/protobuf';
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import type { FieldNode, NameNode, OptionNode } from '../syntax/tree.js';
import type { Conversion, Place } from './conversion.js';
import { defaultValue } from './default-value.js';
import { defaultJsonName, join, mapEntryName } from './names.js';
import type { SymbolKind } from './symbol-table.js';

/** Names of the scalar types. */
export const SCALAR_TYPES: ReadonlyMap<string, Type> = new Map([
  ['double', Type.DOUBLE],
  ['float', Type.FLOAT],
  ['int64', Type.INT64],
  ['uint64', Type.UINT64],
  ['int32', Type.INT32],
  ['fixed64', Type.FIXED64],
  ['fixed32', Type.FIXED32],
  ['bool', Type.BOOL],
  ['string', Type.STRING],
  ['bytes', Type.BYTES],
  ['uint32', Type.UINT32],
  ['sfixed32', Type.SFIXED32],
  ['sfixed64', Type.SFIXED64],
  ['sint32', Type.SINT32],
  ['sint64', Type.SINT64],
]);

/** Kinds of symbols that are types. */
export const TYPE_KINDS: ReadonlySet<SymbolKind> = new Set(['message', 'enum']);

/** Kinds of symbols that are messages. */
export const MESSAGE_KINDS: ReadonlySet<SymbolKind> = new Set(['message']);

/** Where a field is declared; `extendee` is set for an extension field. */
export interface FieldPlace extends Place {
  readonly extendee?: NameNode;
}

/** Converts a field or an extension field. `place` is that of the field itself. */
export function convertField(
  node: FieldNode,
  place: FieldPlace,
  conversion: Conversion,
): FieldDescriptorProto {
  const { extendee } = place;
  const field = create(FieldDescriptorProtoSchema, {
    name: node.name.text,
    number: clampToInt32(node.number.value),
    label: labelOf(node),
    jsonName: defaultJsonName(node.name.text),
  });
  if (extendee !== undefined) {
    const typeName = resolveTypeName(extendee, { place, conversion, wanted: MESSAGE_KINDS });
    field.extendee = typeName?.typeName ?? '';
  }
  setType(field, node, { place, conversion });
  applyPseudoOptions(field, node.options, conversion);
  queueOptions(field, node.options, { place, conversion });
  conversion.locations.add(place.path, node);
  return field;
}

/** Queues all options but `default` and `json_name`, which are no fields of `FieldOptions`. */
export function queueOptions(
  field: FieldDescriptorProto,
  options: readonly OptionNode[],
  at: { readonly place: Place; readonly conversion: Conversion },
): void {
  const nodes = options.filter((option) => !isPseudoOption(option));
  if (nodes.length === 0) return;
  const { file, pending } = at.conversion;
  pending.push({
    file,
    scope: at.place.scope,
    message: 'FieldOptions',
    nodes,
    assign: (bytes) => {
      field.options = fromBinary(FieldOptionsSchema, bytes);
    },
  });
}

/** Finds a type by the name written and gives its full name with a leading dot. */
export function resolveTypeName(
  name: NameNode,
  at: {
    readonly place: Place;
    readonly conversion: Conversion;
    readonly wanted: ReadonlySet<SymbolKind>;
  },
): { readonly typeName: string; readonly kind: SymbolKind } | undefined {
  const { symbols, file, findings } = at.conversion;
  const found = symbols.resolve(name.text, { scope: at.place.scope, file }, at.wanted);
  if (found.symbol === undefined) {
    const text = `Cannot resolve type "${name.text}": ${found.reason}`;
    findings.add(file.source, name.start, { text, hint: found.hint });
    return undefined;
  }
  return { typeName: `.${found.symbol.fullName}`, kind: found.symbol.kind };
}

function labelOf(node: FieldNode): Label {
  if (node.map !== undefined || node.label?.text === 'repeated') return Label.REPEATED;
  return node.label?.text === 'required' ? Label.REQUIRED : Label.OPTIONAL;
}

function setType(
  field: FieldDescriptorProto,
  node: FieldNode,
  at: { readonly place: Place; readonly conversion: Conversion },
): void {
  const scalar = SCALAR_TYPES.get(node.type.text);
  if (node.group !== undefined) {
    field.type = Type.GROUP;
    field.typeName = `.${join(at.place.scope, node.group.name.text)}`;
  } else if (node.map !== undefined) {
    field.type = Type.MESSAGE;
    field.typeName = `.${join(at.place.scope, mapEntryName(node.name.text))}`;
  } else if (scalar !== undefined) {
    field.type = scalar;
  } else {
    const resolved = resolveTypeName(node.type, { ...at, wanted: TYPE_KINDS });
    field.type = resolved?.kind === 'enum' ? Type.ENUM : Type.MESSAGE;
    field.typeName = resolved?.typeName ?? '';
  }
}

function applyPseudoOptions(
  field: FieldDescriptorProto,
  options: readonly OptionNode[],
  conversion: Conversion,
): void {
  const seen = new Set<string>();
  for (const option of options) {
    const name = option.name[0]?.text ?? '';
    if (!isPseudoOption(option)) continue;
    const report = (text: string, hint: string): void =>
      conversion.findings.add(conversion.file.source, option.value.start, { text, hint });
    if (seen.has(name)) report(`Cannot set ${name}: it is set twice`, 'Remove one of the two');
    seen.add(name);
    if (name === 'json_name') {
      if (option.value.kind === 'string') {
        field.jsonName = Buffer.from(option.value.bytes).toString('utf8');
      } else report('Cannot set json_name: wanted a string', 'Put the name in quotes');
      continue;
    }
    const value = defaultValue(field.type, option.value);
    if ('text' in value) field.defaultValue = value.text;
    else {
      const text = `Cannot set default of "${field.name}": wanted ${value.wanted}`;
      report(text, 'Write a value of the type of the field');
    }
  }
}

/** Whether an option is `default` or `json_name`. */
export function isPseudoOption(option: OptionNode): boolean {
  const [first] = option.name;
  if (first === undefined || first.isExtension || option.name.length > 1) return false;
  return first.text === 'default' || first.text === 'json_name';
}

/** Numbers out of range have their own rule; here they only must fit the descriptor. */
export function clampToInt32(value: bigint): number {
  return Number(value > 0x7fffffffn ? 0x7fffffffn : value < -0x80000000n ? -0x80000000n : value);
}
