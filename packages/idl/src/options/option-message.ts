import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/** Value of one option field, in the form its type needs. */
export type FieldValue = boolean | number | bigint | string | Uint8Array | OptionMessage;

/** A message being built from options; later `option` statements add to it. */
export class OptionMessage {
  readonly #entries = new Map<number, { field: FieldDescriptorProto; values: FieldValue[] }>();

  /** Values of a field so far; empty for none. */
  values(field: FieldDescriptorProto): readonly FieldValue[] {
    return this.#entries.get(field.number)?.values ?? [];
  }

  /** Adds a value behind those that the field has. */
  add(field: FieldDescriptorProto, value: FieldValue): void {
    const entry = this.#entries.get(field.number) ?? { field, values: [] };
    entry.values.push(value);
    this.#entries.set(field.number, entry);
  }

  /** The message in protobuf's binary form, fields in order of their numbers. */
  toBytes(): Uint8Array {
    const writer = new BinaryWriter();
    const entries = [...this.#entries.values()].toSorted((a, b) => a.field.number - b.field.number);
    for (const { field, values } of entries) {
      for (const value of values) writeField(writer, field, value);
    }
    return writer.finish();
  }
}

function writeField(writer: BinaryWriter, field: FieldDescriptorProto, value: FieldValue): void {
  if (value instanceof OptionMessage) {
    writeMessage(writer, field, value);
    return;
  }
  writer.tag(field.number, wireTypeOf(field.type));
  if (typeof value === 'boolean') writer.bool(value);
  else if (typeof value === 'string') writer.string(value);
  else if (typeof value === 'bigint') writeInteger(writer, field.type, value);
  else if (typeof value === 'number') {
    if (field.type === Type.FLOAT) writer.float(value);
    else writer.double(value);
  } else writer.bytes(value);
}

function writeMessage(
  writer: BinaryWriter,
  field: FieldDescriptorProto,
  value: OptionMessage,
): void {
  if (field.type === Type.GROUP) {
    writer.tag(field.number, WireType.StartGroup);
    writer.raw(value.toBytes());
    writer.tag(field.number, WireType.EndGroup);
    return;
  }
  writer.tag(field.number, WireType.LengthDelimited).bytes(value.toBytes());
}

function writeInteger(writer: BinaryWriter, type: Type, value: bigint): void {
  switch (type) {
    case Type.INT64:
      writer.int64(value);
      break;
    case Type.UINT64:
      writer.uint64(value);
      break;
    case Type.SINT64:
      writer.sint64(value);
      break;
    case Type.FIXED64:
      writer.fixed64(value);
      break;
    case Type.SFIXED64:
      writer.sfixed64(value);
      break;
    case Type.UINT32:
      writer.uint32(Number(value));
      break;
    case Type.SINT32:
      writer.sint32(Number(value));
      break;
    case Type.FIXED32:
      writer.fixed32(Number(value));
      break;
    case Type.SFIXED32:
      writer.sfixed32(Number(value));
      break;
    default:
      writer.int32(Number(value));
  }
}

function wireTypeOf(type: Type): WireType {
  switch (type) {
    case Type.DOUBLE:
    case Type.FIXED64:
    case Type.SFIXED64:
      return WireType.Bit64;
    case Type.FLOAT:
    case Type.FIXED32:
    case Type.SFIXED32:
      return WireType.Bit32;
    case Type.STRING:
    case Type.BYTES:
      return WireType.LengthDelimited;
    default:
      return WireType.Varint;
  }
}
