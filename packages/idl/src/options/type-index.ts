import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { join } from '../convert/names.js';

/** Messages, enums and extension fields of all files by full name, for understanding options. */
export class TypeIndex {
  readonly #messages = new Map<string, DescriptorProto>();
  readonly #enums = new Map<string, EnumDescriptorProto>();
  readonly #extensions = new Map<string, FieldDescriptorProto>();
  readonly #fields = new Map<DescriptorProto, Map<string, FieldDescriptorProto>>();

  constructor(files: Iterable<FileDescriptorProto>) {
    for (const file of files) {
      for (const message of file.messageType) this.#addMessage(message, file.package);
      for (const item of file.enumType) this.#enums.set(join(file.package, item.name), item);
      for (const field of file.extension) {
        this.#extensions.set(join(file.package, field.name), field);
      }
    }
  }

  /** A message by full name, with or without a dot in front. */
  message(fullName: string): DescriptorProto | undefined {
    return this.#messages.get(withoutDot(fullName));
  }

  /** An enum by full name, with or without a dot in front. */
  enum(fullName: string): EnumDescriptorProto | undefined {
    return this.#enums.get(withoutDot(fullName));
  }

  /** An extension field by full name. */
  extension(fullName: string): FieldDescriptorProto | undefined {
    return this.#extensions.get(withoutDot(fullName));
  }

  /** A field of a message by its name. Groups are found by the name of their message too. */
  field(message: DescriptorProto, name: string): FieldDescriptorProto | undefined {
    let byName = this.#fields.get(message);
    if (byName === undefined) {
      byName = new Map(message.field.map((field) => [field.name, field]));
      this.#fields.set(message, byName);
    }
    return byName.get(name) ?? byName.get(name.toLowerCase());
  }

  #addMessage(message: DescriptorProto, scope: string): void {
    const fullName = join(scope, message.name);
    this.#messages.set(fullName, message);
    for (const nested of message.nestedType) this.#addMessage(nested, fullName);
    for (const item of message.enumType) this.#enums.set(join(fullName, item.name), item);
    for (const field of message.extension) {
      this.#extensions.set(join(fullName, field.name), field);
    }
  }
}

function withoutDot(fullName: string): string {
  return fullName.startsWith('.') ? fullName.slice(1) : fullName;
}
