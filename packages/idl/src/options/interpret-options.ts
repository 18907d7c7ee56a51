import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { PendingOptions } from '../convert/conversion.js';
import type { SymbolKind, SymbolTable } from '../convert/symbol-table.js';
import type { Findings } from '../diagnostics/findings.js';
import type {
  AggregateField,
  OptionNamePart,
  OptionNode,
  OptionValue,
  Span,
} from '../syntax/tree.js';
import { OptionMessage } from './option-message.js';
import { scalarValue } from './scalar-value.js';
import type { TypeIndex } from './type-index.js';

const EXTENSION_KINDS: ReadonlySet<SymbolKind> = new Set(['extension']);

/** What understanding options needs. */
export interface OptionContext {
  readonly symbols: SymbolTable;
  readonly types: TypeIndex;
  readonly findings: Findings;
}

/**
 * Understands the options of one declaration by reflection: standard ones are fields of the
 * messages in descriptor.proto, custom ones are extensions of them. Wrong names and values become
 * findings.
 */
export function interpretOptions(pending: PendingOptions, context: OptionContext): void {
  new Interpreter(pending, context).run();
}

class Interpreter {
  readonly #pending: PendingOptions;
  readonly #context: OptionContext;
  readonly #root = new OptionMessage();

  constructor(pending: PendingOptions, context: OptionContext) {
    this.#pending = pending;
    this.#context = context;
  }

  run(): void {
    const typeName = `google.protobuf.${this.#pending.message}`;
    const type = this.#context.types.message(typeName);
    if (type === undefined) throw new Error(`Cannot interpret options: no message ${typeName}`);
    for (const node of this.#pending.nodes) this.#interpret(node, type);
    this.#pending.assign(this.#root.toBytes());
  }

  #interpret(node: OptionNode, rootType: DescriptorProto): void {
    let message = this.#root;
    let type = { name: this.#pending.message as string, message: rootType };
    for (const [index, part] of node.name.entries()) {
      const field = this.#findField(part, type);
      if (field === undefined) return;
      if (index === node.name.length - 1) {
        this.#setField({ message, field, at: part, value: node.value });
        return;
      }
      const inner = this.#messageType(field);
      if (inner === undefined || field.label === Label.REPEATED) {
        const text = `Cannot set part of option "${part.text}": it is no single message`;
        this.#report(part, text, 'Give the whole value in one statement');
        return;
      }
      message = descend(message, field);
      type = inner;
    }
  }

  #findField(
    part: OptionNamePart,
    type: { readonly name: string; readonly message: DescriptorProto },
  ): FieldDescriptorProto | undefined {
    if (part.isExtension) return this.#findExtension(part, type.name);
    const field = this.#context.types.field(type.message, part.text);
    if (field !== undefined && part.text !== 'uninterpreted_option') return field;
    const text = `Cannot set option "${part.text}": ${type.name} has no such field`;
    this.#report(part, text, nameHint(part.text, type.message));
    return undefined;
  }

  #findExtension(part: OptionNamePart, extendee: string): FieldDescriptorProto | undefined {
    const { scope, file } = this.#pending;
    const found = this.#context.symbols.resolve(part.text, { scope, file }, EXTENSION_KINDS);
    if (found.symbol === undefined) {
      const text = `Cannot set option "(${part.text})": ${found.reason}`;
      this.#report(part, text, extensionHint(part.text, found.hint));
      return undefined;
    }
    const field = this.#context.types.extension(found.symbol.fullName);
    const wanted = extendee.includes('.') ? extendee : `google.protobuf.${extendee}`;
    if (field?.extendee === `.${wanted}`) return field;
    const target = field?.extendee.slice(1) ?? 'nothing';
    const text =
      `Cannot set option "(${part.text})": it extends ${target}, wanted an ` +
      `extension of ${wanted}`;
    this.#report(part, text, 'Move the option to a declaration that it is made for');
    return undefined;
  }

  #setField(set: {
    message: OptionMessage;
    field: FieldDescriptorProto;
    at: Span & { readonly text: string };
    value: OptionValue;
  }): void {
    const { message, field, at, value } = set;
    if (field.label === Label.REPEATED && value.kind === 'list') {
      for (const item of value.values) this.#setField({ ...set, value: item });
      return;
    }
    if (field.label !== Label.REPEATED && message.values(field).length > 0) {
      const text = `Cannot set option "${at.text}": it is set already`;
      this.#report(at, text, 'Remove one of the two');
      return;
    }
    const inner = this.#messageType(field);
    if (inner !== undefined && value.kind === 'aggregate') {
      const nested = new OptionMessage();
      message.add(field, nested);
      for (const entry of value.fields) this.#setAggregateField(nested, entry, inner);
      return;
    }
    const result = scalarValue(field, value, this.#context.types);
    if ('value' in result) message.add(field, result.value);
    else {
      const text =
        `Cannot set option "${at.text}": found ${describe(value)}, wanted ` + `${result.wanted}`;
      this.#report(value, text, 'Write a value of the type of the option');
    }
  }

  #setAggregateField(
    message: OptionMessage,
    entry: AggregateField,
    type: { readonly name: string; readonly message: DescriptorProto },
  ): void {
    if (entry.isExtension && entry.name.text.includes('/')) {
      this.#setAny(message, entry, type);
      return;
    }
    const part = { ...entry.name, isExtension: entry.isExtension };
    const field = this.#findField(part, type);
    if (field !== undefined) this.#setField({ message, field, at: entry.name, value: entry.value });
  }

  /** `[type.googleapis.com/acme.Type] { … }` inside a `google.protobuf.Any`. */
  #setAny(
    message: OptionMessage,
    entry: AggregateField,
    type: { readonly name: string; readonly message: DescriptorProto },
  ): void {
    const typeName = entry.name.text.slice(entry.name.text.lastIndexOf('/') + 1);
    const inner = this.#context.types.message(typeName);
    const [urlField, valueField] = type.message.field;
    const isAny = type.name === 'google.protobuf.Any' && inner !== undefined;
    if (!isAny || entry.value.kind !== 'aggregate' || !urlField || !valueField) {
      const text =
        `Cannot set option "[${entry.name.text}]": wanted a known message inside a ` +
        `google.protobuf.Any`;
      this.#report(entry.name, text, 'Import the file that defines the message');
      return;
    }
    const content = new OptionMessage();
    const innerType = { name: typeName, message: inner };
    for (const field of entry.value.fields) this.#setAggregateField(content, field, innerType);
    message.add(urlField, entry.name.text);
    message.add(valueField, content.toBytes());
  }

  #messageType(
    field: FieldDescriptorProto,
  ): { readonly name: string; readonly message: DescriptorProto } | undefined {
    if (field.type !== Type.MESSAGE && field.type !== Type.GROUP) return undefined;
    const message = this.#context.types.message(field.typeName);
    return message === undefined ? undefined : { name: field.typeName.slice(1), message };
  }

  #report(at: Span, text: string, hint: string): void {
    this.#context.findings.add(this.#pending.file.source, at.start, { text, hint });
  }
}

function descend(message: OptionMessage, field: FieldDescriptorProto): OptionMessage {
  const [known] = message.values(field);
  if (known instanceof OptionMessage) return known;
  const inner = new OptionMessage();
  message.add(field, inner);
  return inner;
}

function describe(value: OptionValue): string {
  switch (value.kind) {
    case 'identifier':
      return `${value.negative ? '-' : ''}${value.text}`;
    case 'int':
    case 'float':
      return String(value.value);
    case 'string':
      return JSON.stringify(Buffer.from(value.bytes).toString('utf8'));
    default:
      return value.kind === 'list' ? 'a list' : 'a message';
  }
}

function nameHint(name: string, type: DescriptorProto): string {
  const names = type.field.map((field) => field.name);
  const similar = names.find((known) => known.replaceAll('_', '') === name.replaceAll('_', ''));
  if (similar !== undefined) return `Did you mean "${similar}"?`;
  return 'Custom options are written in parentheses, as in (portcall.deadline_ms)';
}

function extensionHint(name: string, otherwise: string): string {
  if (!name.startsWith('portcall.')) return otherwise;
  if (otherwise.startsWith('Add import')) return otherwise;
  return 'Add import "portcall/options.proto"; and check the name against the list in that file';
}
