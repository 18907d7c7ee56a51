/** Offsets of a piece of source text: the first character, and the one behind the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A name, or a possibly dotted reference to one, as written. */
export interface NameNode extends Span {
  readonly text: string;
}

/** A whole number as written; not yet checked against any range. */
export interface IntNode extends Span {
  readonly value: bigint;
}

/** A string; `bytes` are what its escapes and its UTF-8 text stand for. */
export interface StringNode extends Span {
  readonly bytes: Uint8Array;
}

/**
 * What every declaration has: its span, and where its head ends (`;` or `{`): comments hang there.
 */
export interface Declaration extends Span {
  /** Index into the token list of the first token. */
  readonly firstToken: number;
  /** Index of the `;` or `{` that ends the head. */
  readonly headEndToken: number;
}

/** One part of an option name: `deprecated`, or `(acme.limit)` with `isExtension`. */
export interface OptionNamePart extends NameNode {
  readonly isExtension: boolean;
}

/** Value of an option, as written; what it means depends on the type of the option. */
export type OptionValue =
  | (Span & { readonly kind: 'identifier'; readonly text: string; readonly negative: boolean })
  | (Span & { readonly kind: 'int'; readonly value: bigint })
  | (Span & { readonly kind: 'float'; readonly value: number })
  | (Span & { readonly kind: 'string'; readonly bytes: Uint8Array })
  | (Span & { readonly kind: 'aggregate'; readonly fields: readonly AggregateField[] })
  | (Span & { readonly kind: 'list'; readonly values: readonly OptionValue[] });

/**
 * One entry of an aggregate value: `name: value`, `[acme.ext]: value` or `[host/acme.Type] { … }`.
 */
export interface AggregateField {
  readonly name: NameNode;
  readonly isExtension: boolean;
  readonly value: OptionValue;
}

/** `option name = value`, or an entry of `[…]`. */
export interface OptionNode extends Declaration {
  readonly kind: 'option';
  readonly name: readonly OptionNamePart[];
  readonly value: OptionValue;
}

/** Labels that a field may have. */
export type FieldLabel = 'optional' | 'required' | 'repeated';

/** A field, an extension field, a map field (`map`), or a group (`group` holds its message). */
export interface FieldNode extends Declaration {
  readonly kind: 'field';
  readonly label: (NameNode & { readonly text: FieldLabel }) | undefined;
  readonly type: NameNode;
  readonly map: { readonly key: NameNode; readonly value: NameNode } | undefined;
  readonly group: MessageNode | undefined;
  readonly name: NameNode;
  readonly number: IntNode;
  readonly options: readonly OptionNode[];
}

/** A `oneof`. */
export interface OneofNode extends Declaration {
  readonly kind: 'oneof';
  readonly name: NameNode;
  readonly fields: readonly FieldNode[];
  readonly options: readonly OptionNode[];
}

/** A range of numbers, both ends included; `end` is undefined for `max`. */
export interface RangeNode extends Span {
  readonly first: IntNode;
  readonly last: IntNode | undefined;
}

/** `reserved …;` in a message or an enum. */
export interface ReservedNode extends Declaration {
  readonly kind: 'reserved';
  readonly ranges: readonly RangeNode[];
  readonly names: readonly NameNode[];
}

/** `extensions …;`. */
export interface ExtensionsNode extends Declaration {
  readonly kind: 'extensions';
  readonly ranges: readonly RangeNode[];
  readonly options: readonly OptionNode[];
}

/** `extend Type { … }`. */
export interface ExtendNode extends Declaration {
  readonly kind: 'extend';
  readonly extendee: NameNode;
  readonly fields: readonly FieldNode[];
}

/** What a message body holds, in the order of the source. */
export type MessageMember =
  | FieldNode
  | OneofNode
  | MessageNode
  | EnumNode
  | ExtendNode
  | OptionNode
  | ReservedNode
  | ExtensionsNode;

/** `export` or `local` in front of a declaration, from edition 2024. */
export type Visibility = 'export' | 'local';

/** A message, or the message of a group. */
export interface MessageNode extends Declaration {
  readonly kind: 'message';
  readonly name: NameNode;
  readonly visibility: Visibility | undefined;
  readonly members: readonly MessageMember[];
}

/** A value of an enum. */
export interface EnumValueNode extends Declaration {
  readonly kind: 'enum-value';
  readonly name: NameNode;
  readonly number: IntNode;
  readonly options: readonly OptionNode[];
}

/** An enum. */
export interface EnumNode extends Declaration {
  readonly kind: 'enum';
  readonly name: NameNode;
  readonly visibility: Visibility | undefined;
  readonly values: readonly EnumValueNode[];
  readonly options: readonly OptionNode[];
  readonly reserved: readonly ReservedNode[];
}

/** One side of a method. */
export interface MethodSide {
  readonly type: NameNode;
  readonly stream: boolean;
}

/** `rpc Name(Request) returns (Response)`. */
export interface MethodNode extends Declaration {
  readonly kind: 'method';
  readonly name: NameNode;
  readonly input: MethodSide;
  readonly output: MethodSide;
  readonly options: readonly OptionNode[];
}

/** A service. */
export interface ServiceNode extends Declaration {
  readonly kind: 'service';
  readonly name: NameNode;
  readonly methods: readonly MethodNode[];
  readonly options: readonly OptionNode[];
}

/** `import "…";` with its modifier (`option` from edition 2024). */
export interface ImportNode extends Declaration {
  readonly kind: 'import';
  readonly modifier: 'public' | 'weak' | 'option' | undefined;
  readonly path: NameNode;
}

/** `syntax = "…";` or `edition = "…";`. */
export interface SyntaxNode extends Declaration {
  readonly kind: 'syntax' | 'edition';
  readonly value: NameNode;
}

/** `package …;`. */
export interface PackageNode extends Declaration {
  readonly kind: 'package';
  readonly name: NameNode;
}

/** What a file holds, in the order of the source. */
export type FileMember =
  | SyntaxNode
  | PackageNode
  | ImportNode
  | OptionNode
  | MessageNode
  | EnumNode
  | ExtendNode
  | ServiceNode;

/** Tree of one `.proto` file. */
export interface FileTree {
  readonly members: readonly FileMember[];
  /**
   * The file uses syntax of protobuf that protobufjs's parser cannot read; see `second-reader.ts`.
   */
  readonly beyondProtobufjs: boolean;
}
