import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';

/** Smallest and largest value of a whole-number type. */
export interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
}

const INT32: IntegerRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const UINT32: IntegerRange = { min: 0n, max: 2n ** 32n - 1n };
const INT64: IntegerRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const UINT64: IntegerRange = { min: 0n, max: 2n ** 64n - 1n };

/** Range of a whole-number type; undefined for every other type. */
export function integerRange(type: Type): IntegerRange | undefined {
  switch (type) {
    case Type.INT32:
    case Type.SINT32:
    case Type.SFIXED32:
      return INT32;
    case Type.UINT32:
    case Type.FIXED32:
      return UINT32;
    case Type.INT64:
    case Type.SINT64:
    case Type.SFIXED64:
      return INT64;
    case Type.UINT64:
    case Type.FIXED64:
      return UINT64;
    default:
      return undefined;
  }
}
