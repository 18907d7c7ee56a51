import { create, fromBinary } from '@bufbuild/protobuf';
import {
  Edition,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import type { Findings } from '../diagnostics/findings.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { FileMember, MessageNode, OptionNode } from '../syntax/tree.js';
import { convertEnum } from './convert-enum.js';
import { convertExtensions, convertMessage } from './convert-message.js';
import { convertService } from './convert-service.js';
import type { Conversion, PendingOptions } from './conversion.js';
import { SourceLocations } from './source-locations.js';
import type { SymbolTable } from './symbol-table.js';

/** Editions that are known. */
export const EDITIONS: ReadonlyMap<string, Edition> = new Map([
  ['2023', Edition.EDITION_2023],
  ['2024', Edition.EDITION_2024],
]);

/** Field numbers of `FileDescriptorProto`, for paths. */
const PATH = {
  package: 2,
  dependency: 3,
  message: 4,
  enum: 5,
  service: 6,
  extension: 7,
  syntax: 12,
  edition: 14,
} as const;

/** A descriptor whose options are still to be understood. */
export interface ConvertedFile {
  readonly proto: FileDescriptorProto;
  readonly pending: readonly PendingOptions[];
}

/** Converts the tree of a file to its descriptor, all but the options. */
export function convertFile(
  file: ParsedFile,
  symbols: SymbolTable,
  findings: Findings,
): ConvertedFile {
  const locations = new SourceLocations(file);
  const conversion: Conversion = { file, symbols, findings, locations, pending: [] };
  const proto = create(FileDescriptorProtoSchema, { name: file.name });
  if (file.packageName !== '') proto.package = file.packageName;
  setEdition(proto, file.edition);
  const options: OptionNode[] = [];
  for (const member of file.tree.members) {
    if (member.kind === 'option') options.push(member);
    else addMember(proto, member, conversion);
  }
  if (options.length > 0) queueFileOptions(proto, options, conversion);
  proto.sourceCodeInfo = locations.toSourceCodeInfo();
  return { proto, pending: conversion.pending };
}

function setEdition(proto: FileDescriptorProto, edition: string): void {
  if (edition === 'proto3') proto.syntax = 'proto3';
  const known = EDITIONS.get(edition);
  if (known === undefined) return;
  proto.syntax = 'editions';
  proto.edition = known;
}

function queueFileOptions(
  proto: FileDescriptorProto,
  nodes: readonly OptionNode[],
  conversion: Conversion,
): void {
  const { file, pending } = conversion;
  pending.push({
    file,
    scope: file.packageName,
    message: 'FileOptions',
    nodes,
    assign: (bytes) => {
      proto.options = fromBinary(FileOptionsSchema, bytes);
    },
  });
}

function addMember(
  proto: FileDescriptorProto,
  member: Exclude<FileMember, OptionNode>,
  conversion: Conversion,
): void {
  const scope = conversion.file.packageName;
  const at = (field: number, index: number): { scope: string; path: number[] } => ({
    scope,
    path: [field, index],
  });
  switch (member.kind) {
    case 'message':
      addMessage(proto, member, conversion);
      break;
    case 'enum': {
      const place = at(PATH.enum, proto.enumType.length);
      proto.enumType.push(convertEnum(member, place, conversion));
      break;
    }
    case 'service': {
      const place = at(PATH.service, proto.service.length);
      proto.service.push(convertService(member, place, conversion));
      break;
    }
    case 'extend':
      convertExtensions(member, {
        scope,
        conversion,
        extensions: proto.extension,
        extensionPath: [PATH.extension],
        addGroup: (group) => addMessage(proto, group, conversion),
      });
      break;
    case 'import':
      addImport(proto, member, conversion);
      break;
    default:
      conversion.locations.add([PATH[member.kind]], member);
  }
}

function addMessage(proto: FileDescriptorProto, node: MessageNode, conversion: Conversion): void {
  const place = {
    scope: conversion.file.packageName,
    path: [PATH.message, proto.messageType.length],
  };
  proto.messageType.push(convertMessage(node, place, conversion));
}

function addImport(
  proto: FileDescriptorProto,
  member: Extract<FileMember, { kind: 'import' }>,
  conversion: Conversion,
): void {
  if (member.modifier === 'option') {
    proto.optionDependency.push(member.path.text);
    return;
  }
  const index = proto.dependency.length;
  conversion.locations.add([PATH.dependency, index], member);
  proto.dependency.push(member.path.text);
  if (member.modifier === 'public') proto.publicDependency.push(index);
  if (member.modifier === 'weak') proto.weakDependency.push(index);
}
