import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/** What a caller may leave out of a message: every field, at every depth. */
export type PartialMessage<T> = T extends
  | Date
  | ((...args: never[]) => unknown)
  | Uint8Array
  | string
  | number
  | boolean
  | bigint
  | undefined
  ? T
  : T extends Map<infer K, infer V>
    ? Map<K, V>
    : T extends readonly (infer U)[]
      ? readonly PartialMessage<U>[]
      : T extends { readonly $case: string }
        ? { [K in keyof T]?: PartialMessage<T[K]> } & { $case: T['$case'] }
        : T extends object
          ? { [K in keyof T]?: PartialMessage<T[K]> }
          : Partial<T>;

/** Encodes and decodes one message type; what ts-proto generates has this shape. */
export interface MessageCodec<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): T;
  // Method syntax: a generated codec states its own DeepPartial, which is narrower in name only.
  fromPartial(object: never): T;
}

/** A codec of whatever type, as the run time holds it. */
export interface AnyCodec {
  encode(message: unknown, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): unknown;
  fromPartial(object: unknown): unknown;
}
