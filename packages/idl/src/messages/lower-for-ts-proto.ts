import {
  clone,
  create,
  type DescField,
  type DescMessage,
  type FileRegistry,
} from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  Edition,
  FeatureSet_FieldPresence as FieldPresence,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldOptionsSchema,
  OneofDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/**
 * Rewrites a file of proto2 or of an edition so that ts-proto, which knows presence only as proto3
 * has it, makes code with the right bytes: a field with presence becomes a proto3 `optional` one,
 * and `packed` is said of each field. Left alone, ts-proto does not write a proto2 field that is
 * set to 0, and takes every field of an edition for one without presence. What is lost is the
 * default value of proto2: an absent field is `undefined`. Files of proto3 keep their fields as
 * they are. Only for ts-proto: `descriptors.bin` has the original.
 */
export function lowerForTsProto(
  file: FileDescriptorProto,
  registry: FileRegistry,
): FileDescriptorProto {
  const lowered = clone(FileDescriptorProtoSchema, file);
  keepCommentsOnly(lowered);
  if (file.syntax === 'proto3') return lowered;
  lowered.syntax = 'proto3';
  lowered.edition = Edition.EDITION_UNKNOWN;
  const messages = registry.getFile(file.name)?.messages ?? [];
  lowerMessages(lowered.messageType, messages);
  return lowered;
}

/**
 * ts-proto searches all locations for each declaration, so those without comments only cost time.
 */
function keepCommentsOnly(file: FileDescriptorProto): void {
  const { sourceCodeInfo } = file;
  if (sourceCodeInfo === undefined) return;
  sourceCodeInfo.location = sourceCodeInfo.location.filter(
    ({ leadingComments, trailingComments }) => leadingComments !== '' || trailingComments !== '',
  );
}

function lowerMessages(protos: readonly DescriptorProto[], messages: readonly DescMessage[]): void {
  for (const proto of protos) {
    const message = messages.find(({ name }) => name === proto.name);
    // Entries of maps are not among the messages of a registry; their fields are as in proto3.
    if (message === undefined) continue;
    for (const field of proto.field) {
      const known = message.fields.find(({ number }) => number === field.number);
      if (known !== undefined) lowerField(proto, field, known);
    }
    lowerMessages(proto.nestedType, message.nestedMessages);
  }
}

function lowerField(message: DescriptorProto, field: FieldDescriptorProto, known: DescField): void {
  field.defaultValue = '';
  if (known.fieldKind === 'list') {
    field.options ??= create(FieldOptionsSchema);
    field.options.packed = known.packed;
  }
  if (isDelimited(known)) field.type = Type.GROUP;
  if (field.label === Label.REQUIRED) field.label = Label.OPTIONAL;
  const isScalar = known.fieldKind === 'scalar' || known.fieldKind === 'enum';
  const hasPresence = known.presence !== FieldPresence.IMPLICIT && known.oneof === undefined;
  if (!isScalar || !hasPresence) return;
  field.proto3Optional = true;
  field.oneofIndex = message.oneofDecl.length;
  message.oneofDecl.push(create(OneofDescriptorProtoSchema, { name: `_${field.name}` }));
}

function isDelimited(field: DescField): boolean {
  if (field.fieldKind === 'message') return field.delimitedEncoding;
  return field.fieldKind === 'list' && field.listKind === 'message' && field.delimitedEncoding;
}
