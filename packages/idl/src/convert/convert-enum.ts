import { create, fromBinary } from '@bufbuild/protobuf';
import {
  type EnumDescriptorProto,
  EnumDescriptorProto_EnumReservedRangeSchema,
  EnumDescriptorProtoSchema,
  EnumOptionsSchema,
  type EnumValueDescriptorProto,
  EnumValueDescriptorProtoSchema,
  EnumValueOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import type { EnumNode, EnumValueNode } from '../syntax/tree.js';
import { clampToInt32 } from './convert-field.js';
import type { Conversion, Place } from './conversion.js';
import { join } from './names.js';
import { visibilityOf } from './visibility-of.js';

/** What `max` means in `reserved` of an enum; unlike in messages, the end is included. */
const ENUM_NUMBER_MAX = 2147483647;

/** Field number of `EnumDescriptorProto.value`, for paths. */
const VALUE_PATH = 2;

/** Converts an enum; `place.path` is that of the enum, `place.scope` the scope around it. */
export function convertEnum(
  node: EnumNode,
  place: Place,
  conversion: Conversion,
): EnumDescriptorProto {
  const result = create(EnumDescriptorProtoSchema, { name: node.name.text });
  if (node.visibility !== undefined) result.visibility = visibilityOf(node.visibility);
  conversion.locations.add(place.path, node);
  const scope = join(place.scope, node.name.text);
  for (const [index, value] of node.values.entries()) {
    const path = [...place.path, VALUE_PATH, index];
    result.value.push(convertValue(value, { scope, path }, conversion));
  }
  for (const { ranges, names } of node.reserved) {
    for (const range of ranges) {
      const start = clampToInt32(range.first.value);
      const end = range.last === undefined ? ENUM_NUMBER_MAX : clampToInt32(range.last.value);
      const reserved = create(EnumDescriptorProto_EnumReservedRangeSchema, { start, end });
      result.reservedRange.push(reserved);
    }
    result.reservedName.push(...names.map((name) => name.text));
  }
  if (node.options.length > 0) {
    conversion.pending.push({
      file: conversion.file,
      scope,
      message: 'EnumOptions',
      nodes: node.options,
      assign: (bytes) => {
        result.options = fromBinary(EnumOptionsSchema, bytes);
      },
    });
  }
  return result;
}

function convertValue(
  node: EnumValueNode,
  place: Place,
  conversion: Conversion,
): EnumValueDescriptorProto {
  const value = create(EnumValueDescriptorProtoSchema, {
    name: node.name.text,
    number: clampToInt32(node.number.value),
  });
  conversion.locations.add(place.path, node);
  if (node.options.length > 0) {
    conversion.pending.push({
      file: conversion.file,
      scope: place.scope,
      message: 'EnumValueOptions',
      nodes: node.options,
      assign: (bytes) => {
        value.options = fromBinary(EnumValueOptionsSchema, bytes);
      },
    });
  }
  return value;
}
