import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileRegistry, type DescFile, type JsonValue, toJson } from '@bufbuild/protobuf';
import * as wellKnown from '@bufbuild/protobuf/wkt';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { GOLDEN } from '../../test/golden.js';
import { temporaryFolder } from '../../test/temporary.js';
import { compile } from '../compile.js';
import { shippedProtoPaths } from '../load/proto-path.js';

const [SHIPPED = ''] = shippedProtoPaths();

const COMPILED_BY_PROTOC: readonly DescFile[] = [
  wellKnown.file_google_protobuf_any,
  wellKnown.file_google_protobuf_api,
  wellKnown.file_google_protobuf_compiler_plugin,
  wellKnown.file_google_protobuf_descriptor,
  wellKnown.file_google_protobuf_duration,
  wellKnown.file_google_protobuf_empty,
  wellKnown.file_google_protobuf_field_mask,
  wellKnown.file_google_protobuf_source_context,
  wellKnown.file_google_protobuf_struct,
  wellKnown.file_google_protobuf_timestamp,
  wellKnown.file_google_protobuf_type,
  wellKnown.file_google_protobuf_wrappers,
];

/**
 * A descriptor as JSON without what the library strips from its own: JSON names and empty options.
 */
function comparable(file: Parameters<typeof toJson>[1]): JsonValue {
  const json = toJson(FileDescriptorProtoSchema, file as never);
  return JSON.parse(JSON.stringify(json), (key, value: unknown) => {
    if (key === 'jsonName' || key === 'sourceCodeInfo') return undefined;
    const isEmpty = key === 'options' && Object.keys(value as object).length === 0;
    return isEmpty ? undefined : value;
  }) as JsonValue;
}

describe('buildDescriptors()', () => {
  it.each(COMPILED_BY_PROTOC.map((file) => [file.proto.name, file] as const))(
    'agrees with protoc on %s',
    (name, file) => {
      const { descriptors } = compile({ files: [join(SHIPPED, name)], protoPaths: [SHIPPED] });
      const ours = descriptors.get(name);
      expect(ours).toBeDefined();
      expect(comparable(ours as never)).toEqual(comparable(file.proto));
    },
  );

  it('converts everything that proto2 has', () => {
    const cwd = join(GOLDEN, 'proto2');
    const { descriptors, set } = compile({ files: ['legacy.proto'], cwd });
    const file = descriptors.get('legacy.proto');
    if (file === undefined) throw new Error('Cannot test: no descriptor');
    delete file.sourceCodeInfo;
    const json = toJson(FileDescriptorProtoSchema, file, { registry: createFileRegistry(set) });
    // Each line was compared with the source by hand.
    const expected: unknown = JSON.parse(readFileSync(join(cwd, 'expected.json'), 'utf8'));
    expect(json).toEqual(expected);
  });

  it('gives imports their kinds', () => {
    const cwd = temporaryFolder({
      'a.proto':
        `syntax = "proto2"; import "x.proto"; import public "y.proto"; import weak ` + `"z.proto";`,
      'x.proto': '',
      'y.proto': '',
      'z.proto': '',
    });
    const { descriptors } = compile({ files: ['a.proto'], cwd });
    expect(descriptors.get('a.proto')).toMatchObject({
      dependency: ['x.proto', 'y.proto', 'z.proto'],
      publicDependency: [1],
      weakDependency: [2],
    });
  });

  it('puts the synthetic oneofs of proto3 behind the others, with names that are free', () => {
    const cwd = temporaryFolder({
      'a.proto': `syntax = "proto3";
        message A { optional int32 a = 1; oneof b { int32 c = 2; } int32 _a = 3; }`,
    });
    const message = compile({ files: ['a.proto'], cwd }).descriptors.get('a.proto')?.messageType[0];
    expect(message?.oneofDecl.map(({ name }) => name)).toEqual(['b', 'X_a']);
    expect(message?.field[0]).toMatchObject({ proto3Optional: true, oneofIndex: 1 });
    expect(message?.field[1]).toMatchObject({ oneofIndex: 0 });
  });

  it('merges parts of an option, and keeps the order of repeated ones', () => {
    const cwd = temporaryFolder({
      'a.proto':
        `edition = "2023"; import "google/protobuf/descriptor.proto";
        option features.field_presence = IMPLICIT;
        option features.enum_type = CLOSED;
        message O { int32 a = 1; O b = 2; repeated int32 c = 3; }
        extend google.protobuf.FileOptions { O o = 50000; }
        option (o).a = 1; option (o).b.a = 2; option (o).c = 3; option (o).c = 4; option ` +
        `(o).b.c = 5;`,
    });
    const { descriptors, registry } = compile({ files: ['a.proto'], cwd });
    const file = descriptors.get('a.proto');
    const json = toJson(FileDescriptorProtoSchema, file as never, { registry });
    expect(json).toMatchObject({
      options: {
        features: { fieldPresence: 'IMPLICIT', enumType: 'CLOSED' },
        '[o]': { a: 1, b: { a: 2, c: [5] }, c: [3, 4] },
      },
    });
  });

  it('puts comments and spans into source_code_info', () => {
    const cwd = join(GOLDEN, 'comments');
    const { descriptors } = compile({ files: ['commented.proto'], cwd });
    const locations = descriptors.get('commented.proto')?.sourceCodeInfo?.location ?? [];
    const at = (...path: number[]) => locations.find((item) => item.path.join() === path.join());
    expect(at(2)).toMatchObject({
      leadingDetachedComments: [' Belongs to nothing.\n', ' Neither\n does this. '],
      leadingComments: ' Belongs to the package.\n',
      trailingComments: ' Behind the package.\n',
      span: [9, 0, 13],
    });
    expect(at(6, 0, 2, 0)).toMatchObject({
      leadingDetachedComments: [' Detached.\n'],
      leadingComments: ' The method,\n',
      trailingComments: ' Behind the method.\n',
      span: [19, 2, 22, 24],
    });
    expect(at(4, 0, 2, 0)?.trailingComments).toBe(' Behind the field.\n');
    expect(at(4, 0, 2, 1)?.trailingComments).toBe('');
    expect(at(4, 0, 4, 0, 2, 1)?.trailingComments).toBe(' Behind the value.\n');
  });
});
