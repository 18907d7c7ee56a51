import { clone } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { safeName } from './safe-names.js';

/**
 * Gives outermost messages and enums names that work in TypeScript, and changes all references to
 * them. Names of types do not travel, so the bytes stay the same. Only for ts-proto.
 */
export function renameTypes(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const renamed = new Map<string, string>();
  for (const file of files) {
    const scope = file.package === '' ? '' : `.${file.package}`;
    for (const { name } of file.messageType) {
      note(renamed, { scope, name, safe: safeName(name, file.package, 'message') });
    }
    for (const { name } of file.enumType) {
      note(renamed, { scope, name, safe: safeName(name, file.package, 'enum') });
    }
  }
  return renamed.size === 0 ? [...files] : files.map((file) => renameInFile(file, renamed));
}

function note(
  renamed: Map<string, string>,
  type: { readonly scope: string; readonly name: string; readonly safe: string },
): void {
  if (type.safe === type.name) return;
  renamed.set(`${type.scope}.${type.name}`, `${type.scope}.${type.safe}`);
}

function renameInFile(
  original: FileDescriptorProto,
  renamed: ReadonlyMap<string, string>,
): FileDescriptorProto {
  const file = clone(FileDescriptorProtoSchema, original);
  for (const message of file.messageType) {
    message.name = safeName(message.name, file.package, 'message');
    renameInMessage(message, renamed);
  }
  for (const item of file.enumType) item.name = safeName(item.name, file.package, 'enum');
  for (const service of file.service) {
    for (const method of service.method) {
      method.inputType = newName(method.inputType, renamed);
      method.outputType = newName(method.outputType, renamed);
    }
  }
  return file;
}

function renameInMessage(message: DescriptorProto, renamed: ReadonlyMap<string, string>): void {
  for (const field of message.field) {
    if (field.typeName !== '') field.typeName = newName(field.typeName, renamed);
  }
  for (const nested of message.nestedType) renameInMessage(nested, renamed);
}

function newName(typeName: string, renamed: ReadonlyMap<string, string>): string {
  for (const [old, safe] of renamed) {
    if (typeName === old) return safe;
    if (typeName.startsWith(`${old}.`)) return safe + typeName.slice(old.length);
  }
  return typeName;
}
