import { createHash } from 'node:crypto';
import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import type { ServiceModel } from './service-model.js';

/** Bytes of the SHA-256 that are kept; 16 make 32 hexadecimal digits. */
const FINGERPRINT_BYTES = 16;

/**
 * Fingerprint of what a service means on the wire and in JSON: its methods, and the messages and
 * enums that they reach. Comments, the order of declarations, file names and options without effect
 * on the bytes do not count. Two sides with the same fingerprint were made from the same schema.
 */
export function fingerprintOf(service: ServiceModel): string {
  const text = canonicalSchema(service);
  const hash = createHash('sha256').update(text, 'utf8').digest();
  return hash.subarray(0, FINGERPRINT_BYTES).toString('hex');
}

/** The text that is hashed: one line for each method, message, field, enum and value, sorted. */
export function canonicalSchema(service: ServiceModel): string {
  const types = new Map<string, DescMessage | DescEnum>();
  const lines = [`service ${service.fullName} ${service.uuid} ${service.version.major}`];
  for (const method of service.methods.toSorted((a, b) => a.id - b.id)) {
    const { name, id, kind, input, output } = method;
    const flags = `${method.oneway} ${method.maybe} ${method.idempotent}`;
    lines.push(`method ${id} ${name} ${kind} ${input.typeName} ${output.typeName} ${flags}`);
    collectTypes(input, types);
    collectTypes(output, types);
  }
  for (const [, type] of [...types].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push(...(type.kind === 'message' ? messageLines(type) : enumLines(type)));
  }
  return `${lines.join('\n')}\n`;
}

function collectTypes(message: DescMessage, types: Map<string, DescMessage | DescEnum>): void {
  const todo = [message];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (types.has(next.typeName)) continue;
    types.set(next.typeName, next);
    for (const field of next.fields) {
      if (field.message !== undefined) todo.push(field.message);
      if (field.enum !== undefined) types.set(field.enum.typeName, field.enum);
    }
  }
}

function messageLines(message: DescMessage): string[] {
  const fields = message.fields.toSorted((a, b) => a.number - b.number);
  return [`message ${message.typeName}`, ...fields.map(fieldLine)];
}

function fieldLine(field: DescField): string {
  const { number, name, jsonName, presence } = field;
  const parts = [number, name, jsonName, field.fieldKind, typeOf(field), `presence=${presence}`];
  if (field.oneof !== undefined) parts.push(`oneof=${field.oneof.name}`);
  if (field.fieldKind === 'list') parts.push(`packed=${field.packed}`);
  if (field.proto.defaultValue !== '')
    parts.push(`default=${JSON.stringify(field.proto.defaultValue)}`);
  return ` field ${parts.join(' ')}`;
}

function typeOf(field: DescField): string {
  const type = field.message?.typeName ?? field.enum?.typeName ?? `scalar:${field.scalar}`;
  const key = field.fieldKind === 'map' ? `scalar:${field.mapKey},` : '';
  return `${key}${type}`;
}

function enumLines(item: DescEnum): string[] {
  const values = item.values.toSorted((a, b) => a.number - b.number || (a.name < b.name ? -1 : 1));
  return [
    `enum ${item.typeName} open=${item.open}`,
    ...values.map((value) => ` value ${value.number} ${value.name}`),
  ];
}
