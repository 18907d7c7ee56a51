import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { integerRange } from '../convert/integer-range.js';
import type { OptionValue } from '../syntax/tree.js';
import type { FieldValue } from './option-message.js';
import type { TypeIndex } from './type-index.js';

/** The value of an option field, or what was wanted instead. */
export type ScalarResult = { readonly value: FieldValue } | { readonly wanted: string };

/**
 * Translates a value as written to what the type of the field holds. Messages are handled
 * elsewhere.
 */
export function scalarValue(
  field: FieldDescriptorProto,
  value: OptionValue,
  types: TypeIndex,
): ScalarResult {
  const range = integerRange(field.type);
  if (range !== undefined) {
    const isInside = value.kind === 'int' && value.value >= range.min && value.value <= range.max;
    if (isInside) return { value: value.value };
    return { wanted: `a whole number from ${range.min} to ${range.max}` };
  }
  switch (field.type) {
    case Type.BOOL:
      return boolValue(value);
    case Type.FLOAT:
    case Type.DOUBLE:
      return floatValue(value);
    case Type.STRING:
      return stringValue(value);
    case Type.BYTES:
      return value.kind === 'string' ? { value: value.bytes } : { wanted: 'a string in quotes' };
    case Type.ENUM:
      return enumValue(field, value, types);
    default:
      return { wanted: 'a message in braces' };
  }
}

function boolValue(value: OptionValue): ScalarResult {
  if (value.kind !== 'identifier' || value.negative) return { wanted: 'true or false' };
  if (value.text === 'true') return { value: true };
  return value.text === 'false' ? { value: false } : { wanted: 'true or false' };
}

function floatValue(value: OptionValue): ScalarResult {
  if (value.kind === 'int') return { value: Number(value.value) };
  if (value.kind === 'float') return { value: value.value };
  const word = value.kind === 'identifier' ? value.text.toLowerCase() : '';
  const sign = value.kind === 'identifier' && value.negative ? -1 : 1;
  if (word === 'inf' || word === 'infinity') return { value: sign * Infinity };
  return word === 'nan' ? { value: NaN } : { wanted: 'a number, inf or nan' };
}

function stringValue(value: OptionValue): ScalarResult {
  if (value.kind !== 'string') return { wanted: 'a string in quotes' };
  try {
    return {
      value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value.bytes),
    };
  } catch {
    return { wanted: 'a string that is valid UTF-8' };
  }
}

function enumValue(
  field: FieldDescriptorProto,
  value: OptionValue,
  types: TypeIndex,
): ScalarResult {
  const known = types.enum(field.typeName)?.value ?? [];
  const name = value.kind === 'identifier' && !value.negative ? value.text : undefined;
  const found = known.find((item) => item.name === name);
  if (found !== undefined) return { value: BigInt(found.number) };
  const names = known.slice(0, 8).map((item) => item.name);
  const more = known.length > names.length ? ', …' : '';
  return { wanted: `a value of ${field.typeName.slice(1)}: ${names.join(', ')}${more}` };
}
