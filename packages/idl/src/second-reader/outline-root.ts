import protobufjs from 'protobufjs';

/** What protobufjs says a file declares, in the form of `outlineTree`. */
export function outlineRoot(root: protobufjs.Root): string[] {
  const lines: string[] = [];
  addNamespace(root, '', lines);
  return lines.toSorted();
}

function addNamespace(space: protobufjs.NamespaceBase, scope: string, lines: string[]): void {
  for (const item of space.nestedArray) {
    const fullName = `${scope}.${item.name}`;
    if (item instanceof protobufjs.Type) {
      lines.push(`message ${fullName}`);
      for (const field of item.fieldsArray) addField(field, fullName, lines);
      addNamespace(item, fullName, lines);
    } else if (item instanceof protobufjs.Enum) addEnum(item, fullName, lines);
    else if (item instanceof protobufjs.Field) addField(item, scope, lines);
    else if (item instanceof protobufjs.Service) addService(item, fullName, lines);
    else if (item instanceof protobufjs.Namespace) addNamespace(item, fullName, lines);
  }
}

function addField(field: protobufjs.FieldBase, scope: string, lines: string[]): void {
  // protobufjs puts a copy of an extension into the message that it extends.
  if (field.declaringField) return;
  const repeated = field.repeated ? 'repeated ' : '';
  const group = field.parent?.get(groupName(field.name));
  // `Type.group` is missing in the types of protobufjs.
  const isGroup =
    group instanceof protobufjs.Type &&
    Reflect.get(group, 'group') === true &&
    field.type === group.name;
  if (isGroup) lines.push(`field ${scope} ${repeated}group = ${field.id}`);
  else {
    const type =
      field instanceof protobufjs.MapField ? `map ${field.keyType} ${field.type}` : field.type;
    lines.push(`field ${scope}.${field.name} ${repeated}${type} = ${field.id}`);
  }
}

function groupName(fieldName: string): string {
  return fieldName.charAt(0).toUpperCase() + fieldName.slice(1);
}

function addEnum(item: protobufjs.Enum, fullName: string, lines: string[]): void {
  lines.push(`enum ${fullName}`);
  for (const [name, value] of Object.entries(item.values)) {
    lines.push(`value ${fullName}.${name} = ${value}`);
  }
}

function addService(service: protobufjs.Service, fullName: string, lines: string[]): void {
  lines.push(`service ${fullName}`);
  for (const method of service.methodsArray) {
    const from = `${method.requestStream === true ? 'stream ' : ''}${method.requestType}`;
    const to = `${method.responseStream === true ? 'stream ' : ''}${method.responseType}`;
    lines.push(`method ${fullName}.${method.name} ${from} -> ${to}`);
  }
}
