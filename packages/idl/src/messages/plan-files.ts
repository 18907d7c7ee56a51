import type { DescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/**
 * Chooses the files that need generated code: the requested ones, and those that define a message
 * or an enum which a chosen file uses. An import that only brings options along needs none.
 */
export function planFiles(
  files: ReadonlyMap<string, FileDescriptorProto>,
  requested: readonly string[],
): string[] {
  const definedIn = indexTypes(files.values());
  const chosen = new Set<string>();
  const add = (name: string): void => {
    const file = files.get(name);
    if (file === undefined || chosen.has(name)) return;
    chosen.add(name);
    for (const typeName of usedTypes(file)) {
      const owner = definedIn.get(typeName);
      if (owner !== undefined) add(owner);
    }
  };
  for (const name of requested) add(name);
  return [...chosen].toSorted();
}

function indexTypes(files: Iterable<FileDescriptorProto>): Map<string, string> {
  const definedIn = new Map<string, string>();
  for (const file of files) {
    const addMessage = (message: DescriptorProto, scope: string): void => {
      const typeName = `${scope}.${message.name}`;
      definedIn.set(typeName, file.name);
      for (const nested of message.nestedType) addMessage(nested, typeName);
      for (const item of message.enumType) definedIn.set(`${typeName}.${item.name}`, file.name);
    };
    const scope = file.package === '' ? '' : `.${file.package}`;
    for (const message of file.messageType) addMessage(message, scope);
    for (const item of file.enumType) definedIn.set(`${scope}.${item.name}`, file.name);
  }
  return definedIn;
}

function usedTypes(file: FileDescriptorProto): Set<string> {
  const used = new Set<string>();
  const addMessage = (message: DescriptorProto): void => {
    for (const field of message.field) if (field.typeName !== '') used.add(field.typeName);
    for (const nested of message.nestedType) addMessage(nested);
  };
  for (const message of file.messageType) addMessage(message);
  for (const service of file.service) {
    for (const method of service.method) used.add(method.inputType).add(method.outputType);
  }
  return used;
}
