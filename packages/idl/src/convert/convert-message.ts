import { create, fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProto_ExtensionRangeSchema,
  DescriptorProto_ReservedRangeSchema,
  DescriptorProtoSchema,
  ExtensionRangeOptionsSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  MessageOptionsSchema,
  OneofDescriptorProtoSchema,
  OneofOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import type {
  EnumNode,
  ExtendNode,
  ExtensionsNode,
  FieldNode,
  MessageNode,
  NameNode,
  OneofNode,
  OptionNode,
  RangeNode,
  ReservedNode,
} from '../syntax/tree.js';
import { convertEnum } from './convert-enum.js';
import {
  clampToInt32,
  convertField,
  resolveTypeName,
  SCALAR_TYPES,
  TYPE_KINDS,
} from './convert-field.js';
import type { Conversion, Place } from './conversion.js';
import { join, mapEntryName } from './names.js';
import { visibilityOf } from './visibility-of.js';

/** First number behind the numbers that a field can have. */
const FIELD_NUMBER_END = 536870912;

/** First number behind what `max` means in a message with `message_set_wire_format`. */
const MESSAGE_SET_NUMBER_END = 2147483647;

/** Field numbers of `DescriptorProto`, for paths. */
const PATH = {
  field: 2,
  nested: 3,
  enum: 4,
  extensionRange: 5,
  extension: 6,
  options: 7,
  oneof: 8,
  reservedRange: 9,
} as const;

/** Converts a message; `place.path` is that of the message, `place.scope` the scope around it. */
export function convertMessage(
  node: MessageNode,
  place: Place,
  conversion: Conversion,
): DescriptorProto {
  return new MessageConverter(node, place, conversion).convert();
}

class MessageConverter {
  readonly #node: MessageNode;
  readonly #place: Place;
  readonly #conversion: Conversion;
  readonly #scope: string;
  readonly #message: DescriptorProto;
  readonly #options: OptionNode[] = [];

  constructor(node: MessageNode, place: Place, conversion: Conversion) {
    this.#node = node;
    this.#place = place;
    this.#conversion = conversion;
    this.#scope = join(place.scope, node.name.text);
    this.#message = create(DescriptorProtoSchema, { name: node.name.text });
    if (node.visibility !== undefined) this.#message.visibility = visibilityOf(node.visibility);
  }

  convert(): DescriptorProto {
    this.#conversion.locations.add(this.#place.path, this.#node);
    for (const member of this.#node.members) {
      if (member.kind === 'field') this.#message.field.push(this.#field(member));
      else if (member.kind === 'oneof') this.#addOneof(member);
      else if (member.kind === 'message') this.#addNested(member);
      else if (member.kind === 'enum') this.#addEnum(member);
      else if (member.kind === 'extend') this.#addExtensions(member);
      else if (member.kind === 'reserved') this.#addReserved(member);
      else if (member.kind === 'extensions') this.#addExtensionRanges(member);
      else this.#options.push(member);
    }
    addSyntheticOneofs(this.#message);
    this.#queueOptions();
    return this.#message;
  }

  #field(node: FieldNode): FieldDescriptorProto {
    if (node.group !== undefined) this.#addNested(node.group);
    if (node.map !== undefined) this.#addMapEntry(node, node.map);
    const path = [...this.#place.path, PATH.field, this.#message.field.length];
    const field = convertField(node, { scope: this.#scope, path }, this.#conversion);
    const isOptional = node.label?.text === 'optional';
    if (isOptional && this.#conversion.file.edition === 'proto3') field.proto3Optional = true;
    return field;
  }

  #addOneof(node: OneofNode): void {
    const index = this.#message.oneofDecl.length;
    const oneof = create(OneofDescriptorProtoSchema, { name: node.name.text });
    this.#message.oneofDecl.push(oneof);
    this.#conversion.locations.add([...this.#place.path, PATH.oneof, index], node);
    for (const fieldNode of node.fields) {
      const field = this.#field(fieldNode);
      field.oneofIndex = index;
      this.#message.field.push(field);
    }
    if (node.options.length === 0) return;
    this.#conversion.pending.push({
      file: this.#conversion.file,
      scope: this.#scope,
      message: 'OneofOptions',
      nodes: node.options,
      assign: (bytes) => {
        oneof.options = fromBinary(OneofOptionsSchema, bytes);
      },
    });
  }

  #addNested(node: MessageNode): void {
    const path = [...this.#place.path, PATH.nested, this.#message.nestedType.length];
    const nested = convertMessage(node, { scope: this.#scope, path }, this.#conversion);
    this.#message.nestedType.push(nested);
  }

  #addEnum(node: EnumNode): void {
    const path = [...this.#place.path, PATH.enum, this.#message.enumType.length];
    this.#message.enumType.push(convertEnum(node, { scope: this.#scope, path }, this.#conversion));
  }

  #addExtensions(node: ExtendNode): void {
    convertExtensions(node, {
      scope: this.#scope,
      conversion: this.#conversion,
      extensions: this.#message.extension,
      extensionPath: [...this.#place.path, PATH.extension],
      addGroup: (group) => this.#addNested(group),
    });
  }

  #addMapEntry(node: FieldNode, types: { readonly key: NameNode; readonly value: NameNode }): void {
    const entry = create(DescriptorProtoSchema, {
      name: mapEntryName(node.name.text),
      options: create(MessageOptionsSchema, { mapEntry: true }),
    });
    entry.field.push(
      this.#mapEntryField('key', types.key),
      this.#mapEntryField('value', types.value),
    );
    this.#message.nestedType.push(entry);
  }

  #mapEntryField(name: 'key' | 'value', type: NameNode): FieldDescriptorProto {
    const number = name === 'key' ? 1 : 2;
    const label = Label.OPTIONAL;
    const field = create(FieldDescriptorProtoSchema, { name, number, label, jsonName: name });
    const scalar = SCALAR_TYPES.get(type.text);
    if (scalar !== undefined) {
      field.type = scalar;
      return field;
    }
    const place = { scope: this.#scope, path: this.#place.path };
    const at = { place, conversion: this.#conversion, wanted: TYPE_KINDS };
    const resolved = resolveTypeName(type, at);
    field.type = resolved?.kind === 'enum' ? Type.ENUM : Type.MESSAGE;
    field.typeName = resolved?.typeName ?? '';
    return field;
  }

  #addReserved(node: ReservedNode): void {
    for (const range of node.ranges) {
      const { start, end } = toHalfOpen(range, FIELD_NUMBER_END);
      const reserved = create(DescriptorProto_ReservedRangeSchema, { start, end });
      this.#message.reservedRange.push(reserved);
    }
    this.#message.reservedName.push(...node.names.map((name) => name.text));
  }

  #addExtensionRanges(node: ExtensionsNode): void {
    const numberEnd = this.#isMessageSet() ? MESSAGE_SET_NUMBER_END : FIELD_NUMBER_END;
    const ranges = node.ranges.map((range) =>
      create(DescriptorProto_ExtensionRangeSchema, toHalfOpen(range, numberEnd)),
    );
    this.#message.extensionRange.push(...ranges);
    if (node.options.length === 0) return;
    this.#conversion.pending.push({
      file: this.#conversion.file,
      scope: this.#scope,
      message: 'ExtensionRangeOptions',
      nodes: node.options,
      assign: (bytes) => {
        for (const range of ranges) range.options = fromBinary(ExtensionRangeOptionsSchema, bytes);
      },
    });
  }

  #isMessageSet(): boolean {
    return this.#node.members.some(
      (member) =>
        member.kind === 'option' &&
        member.name[0]?.text === 'message_set_wire_format' &&
        member.value.kind === 'identifier' &&
        member.value.text === 'true',
    );
  }

  #queueOptions(): void {
    if (this.#options.length === 0) return;
    this.#conversion.pending.push({
      file: this.#conversion.file,
      scope: this.#scope,
      message: 'MessageOptions',
      nodes: this.#options,
      assign: (bytes) => {
        this.#message.options = fromBinary(MessageOptionsSchema, bytes);
      },
    });
  }
}

/** Converts the fields of an `extend` block, of a file or of a message. */
export function convertExtensions(
  node: ExtendNode,
  target: {
    readonly scope: string;
    readonly conversion: Conversion;
    readonly extensions: FieldDescriptorProto[];
    readonly extensionPath: readonly number[];
    readonly addGroup: (group: MessageNode) => void;
  },
): void {
  for (const fieldNode of node.fields) {
    if (fieldNode.group !== undefined) target.addGroup(fieldNode.group);
    const path = [...target.extensionPath, target.extensions.length];
    const place = { scope: target.scope, path, extendee: node.extendee };
    const field = convertField(fieldNode, place, target.conversion);
    const isProto3 = target.conversion.file.edition === 'proto3';
    if (fieldNode.label?.text === 'optional' && isProto3) field.proto3Optional = true;
    target.extensions.push(field);
  }
}

/** Gives each proto3 `optional` field a oneof of its own, behind the declared ones. */
function addSyntheticOneofs(message: DescriptorProto): void {
  const taken = new Set([
    ...message.field.map((field) => field.name),
    ...message.oneofDecl.map((oneof) => oneof.name),
  ]);
  for (const field of message.field) {
    if (!field.proto3Optional) continue;
    let name = field.name.startsWith('_') ? field.name : `_${field.name}`;
    while (taken.has(name)) name = `X${name}`;
    taken.add(name);
    field.oneofIndex = message.oneofDecl.length;
    message.oneofDecl.push(create(OneofDescriptorProtoSchema, { name }));
  }
}

function toHalfOpen(range: RangeNode, numberEnd: number): { start: number; end: number } {
  const start = clampToInt32(range.first.value);
  if (range.last === undefined) return { start, end: numberEnd };
  return { start, end: clampToInt32(range.last.value + 1n) };
}
