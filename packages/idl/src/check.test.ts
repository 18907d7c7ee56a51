import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/temporary.js';
import { check } from './check.js';

/** Stands in front of the character where the finding must be. */
const MARK = '¶';

const P2 = 'syntax = "proto2";\n';
const P3 = 'syntax = "proto3";\n';
const E23 = 'edition = "2023";\n';
const E24 = 'edition = "2024";\n';
const OPTIONS = `${P3}import "portcall/options.proto";\nimport "google/protobuf/empty.proto";\n`;

/** Wrong files: what is wrong, the source with a mark at the place, and a part of the text. */
const WRONG: ReadonlyArray<readonly [name: string, source: string, text: string]> = [
  // Syntax.
  ['a missing semicolon', `${P3}message A { int32 a = 1¶ }`, 'found "}", wanted ";"'],
  ['a missing number', `${P3}message A { int32 a = ¶; }`, 'wanted the number of the field'],
  ['a missing brace', `${P3}message A { int32 a = 1;\n¶`, 'found the end of the file'],
  ['a word on the outermost level', `${P3}¶foo bar;`, 'found "foo"'],
  ['syntax behind something else', `package a;\n¶syntax = "proto3";`, 'only once, and first'],
  ['an unknown syntax', `syntax = ¶"proto4";`, 'wanted "proto2" or "proto3"'],
  ['an unknown edition', `edition = ¶"1999";`, 'Cannot use edition "1999"'],
  ['an unclosed string', `${P3}import ¶"a.proto;\n`, 'wanted the closing quote'],
  ['an unclosed comment', `${P3}¶/* a`, 'wanted "*/"'],
  ['an octal number with a nine', `${P3}message A { int32 a = ¶09; }`, 'found "09"'],
  ['a list in a list', `${P3}option (a) = { b: [¶[1]] };`, 'a value that is no list'],
  ['a second package', `${P3}package a;\n¶package b;`, 'line 2 sets it already'],
  // Imports and names.
  ['a missing import', `${P3}import ¶"none.proto";`, 'no such file'],
  ['an import outside', `${P3}import ¶"../a.proto";`, 'wanted a path'],
  [
    'an import twice',
    `${P3}import "google/protobuf/any.proto";\nimport ¶"google/protobuf/any.proto";`,
    'line 2 imports it already',
  ],
  ['an unknown type', `${P3}message A { ¶B b = 1; }`, 'it is not defined'],
  [
    'a type that is not imported',
    `${P3}message A { ¶google.protobuf.FieldOptions b = 1; }`,
    'in "google/protobuf/descriptor.proto", which is not imported',
  ],
  [
    'a name that means something else inside',
    `${P3}package a.b; message B {} message A { message b {} ¶b.B x = 1; }`,
    'it means "a.b.A.b.B" here',
  ],
  [
    'a method with an enum',
    `${P3}enum E { Z = 0; } service S { rpc A(¶E) returns (E); }`,
    '"E" is an enum',
  ],
  ['a message twice', `${P3}message A {}\nmessage ¶A {}`, 'taken by the message in line 2'],
  ['a field twice', `${P3}message A { int32 a = 1; int32 ¶a = 2; }`, 'Cannot define field "A.a"'],
  [
    'a method twice',
    `${P3}message A {} service S { rpc B(A) returns (A); rpc ¶B(A) returns (A); }`,
    'S.B',
  ],
  [
    'an enum value twice in a scope',
    `${P3}enum A { X = 0; }\nenum B { ¶X = 0; }`,
    'taken by the enum value in line 2',
  ],
  [
    'a message with the name of a map entry',
    `${P3}message A { message BEntry {} map<int32, int32> ¶b = 1; }`,
    'Cannot define message "A.BEntry"',
  ],
  // Numbers.
  ['the number 0', `${P3}message A { int32 a = ¶0; }`, 'Cannot use field number 0'],
  ['a number kept by protobuf', `${P3}message A { int32 a = ¶19000; }`, '19000 to 19999'],
  ['the last number kept by protobuf', `${P3}message A { int32 a = ¶19999; }`, '19000 to 19999'],
  [
    'a number above the largest',
    `${P3}message A { int32 a = ¶536870912; }`,
    'wanted 1 to 536870911',
  ],
  ['a number of 20 digits', `${P3}message A { int32 a = ¶99999999999999999999; }`, '536870911'],
  ['a number twice', `${P3}message A { int32 a = 1; int32 b = ¶1; }`, 'field "a" in line 2'],
  [
    'a number twice, in a oneof',
    `${P3}message A { int32 a = 1; oneof o { int32 b = ¶1; } }`,
    '"a"',
  ],
  ['a reserved number', `${P3}message A { reserved 2 to 4; int32 a = ¶3; }`, 'reserved in line 2'],
  ['a number up to max', `${P3}message A { reserved 9 to max; int32 a = ¶536870911; }`, 'reserved'],
  ['a reserved name', `${P3}message A { reserved "a"; int32 ¶a = 1; }`, 'reserved in line 2'],
  ['a name reserved twice', `${P3}message A { reserved "a", ¶"a"; }`, 'in line 2 already'],
  ['overlapping ranges', `${P3}message A { reserved 1 to 5, ¶5 to 6; }`, 'overlaps 1 to 5'],
  ['a range backwards', `${P3}message A { reserved ¶5 to 1; }`, 'the end is in front of the start'],
  [
    'a number in an extension range',
    `${P2}message A { extensions 5; optional int32 a = ¶5; }`,
    'extension range',
  ],
  // JSON names.
  [
    'two names that are one in JSON',
    `${P3}message A { int32 a_b = 1; int32 ¶aB = 2; }`,
    'in JSON it is "aB"',
  ],
  [
    'json_name of another field',
    `${P3}message A { int32 a = 1; int32 ¶b = 2 [json_name = "a"]; }`,
    'in JSON it is "a"',
  ],
  [
    'one json_name twice in proto2',
    `${P2}message A { optional int32 a = 1 [json_name = "x"]; optional int32 ¶b = 2 ` +
      `[json_name = "x"]; }`,
    'in JSON it is "x"',
  ],
  // Enums.
  ['a first value that is not 0', `${P3}enum A { X = ¶1; }`, 'its number is 1, wanted 0'],
  ['a first value that is not 0 in an edition', `${E23}enum A { X = ¶1; }`, 'wanted 0'],
  ['an enum without values', `${P3}enum ¶A {}`, 'it has no values'],
  ['an enum number twice', `${P3}enum A { X = 0; Y = ¶0; }`, 'value "X" in line 2'],
  [
    'allow_alias without an alias',
    `${P3}enum A { ¶option allow_alias = true; X = 0; }`,
    'no two values',
  ],
  ['an enum number of 33 bits', `${P3}enum A { X = 0; Y = ¶2147483648; }`, 'wanted -2147483648'],
  [
    'a reserved enum number',
    `${P3}enum A { reserved -2 to -1; X = 0; Y = ¶-1; }`,
    'reserved in line 2',
  ],
  ['a reserved enum name', `${P3}enum A { reserved "Y"; X = 0; ¶Y = 1; }`, 'reserved in line 2'],
  ['enum names that are one in JSON', `${P3}enum Ab { AB_X = 0; ¶X = 1; }`, 'it is "X", as "AB_X"'],
  // Fields.
  ['a oneof without fields', `${P3}message A { oneof ¶o {} }`, 'it has no fields'],
  ['a label in a oneof', `${P3}message A { oneof o { ¶repeated int32 a = 1; } }`, 'has no label'],
  [
    'a map in a oneof',
    `${P3}message A { oneof o { ¶map<int32, int32> a = 1; } }`,
    'cannot be in a oneof',
  ],
  [
    'a repeated map',
    `${P3}message A { ¶repeated map<int32, int32> a = 1; }`,
    'a map field has no label',
  ],
  [
    'a float as a map key',
    `${P3}message A { map<¶float, int32> a = 1; }`,
    'Cannot use type "float"',
  ],
  ['required in proto3', `${P3}message A { ¶required int32 a = 1; }`, 'proto3 has no required'],
  ['a group in proto3', `${P3}message A { repeated ¶group B = 1 {} }`, 'proto3 has no groups'],
  ['a group with a small letter', `${P2}message A { optional group ¶b = 1 {} }`, 'capital letter'],
  ['no label in proto2', `${P2}message A { ¶int32 a = 1; }`, 'it has no label'],
  [
    'optional in an edition',
    `${E23}message A { ¶optional int32 a = 1; }`,
    'editions have no such label',
  ],
  [
    'a default in proto3',
    `${P3}message A { int32 a = 1 [¶default = 1]; }`,
    'proto3 has no default',
  ],
  [
    'a default of the wrong type',
    `${P2}message A { optional int32 a = 1 [default = ¶"x"]; }`,
    'wanted a whole number',
  ],
  [
    'a default out of range',
    `${P2}message A { optional uint32 a = 1 [default = ¶-1]; }`,
    'from 0 to 4294967295',
  ],
  [
    'a default of a repeated field',
    `${P2}message A { repeated int32 a = 1 [¶default = 1]; }`,
    'a repeated field',
  ],
  [
    'a default that the enum does not have',
    `${P2}enum E { Z = 0; } message A { optional E a = 1 [default = ¶Y]; }`,
    'E has no value "Y"',
  ],
  [
    'packed on a string',
    `${P3}message A { repeated string a = 1 [¶packed = true]; }`,
    'found repeated string',
  ],
  ['packed on a single field', `${P3}message A { int32 a = 1 [¶packed = true]; }`, 'found int32'],
  ['lazy on a number', `${P3}message A { int32 a = 1 [¶lazy = true]; }`, 'Cannot set lazy'],
  [
    'jstype on a string',
    `${P3}message A { string a = 1 [¶jstype = JS_STRING]; }`,
    'Cannot set jstype',
  ],
  [
    'json_name without quotes',
    `${P3}message A { int32 a = 1 [json_name = ¶b]; }`,
    'wanted a string',
  ],
  [
    'a proto2 enum in proto3',
    `${P3}import "google/protobuf/descriptor.proto"; message A { ¶google.protobuf.Edition a = 1; }`,
    'it is of proto2, and closed',
  ],
  // Extensions.
  [
    'an extension range in proto3',
    `${P3}message A { ¶extensions 5; }`,
    'proto3 has no extension ranges',
  ],
  [
    'an extension in proto3',
    `${P3}message A {} extend ¶A { int32 b = 1; }`,
    'proto3 extends the options',
  ],
  [
    'an extension number not declared',
    `${P2}message A { extensions 5 to 9; } extend A { optional int32 b = ¶10; }`,
    'does not declare it',
  ],
  [
    'an extension number twice',
    `${P2}message A { extensions 5; } extend A { optional int32 b = 5; }\nextend A { optional ` +
      `int32 c = ¶5; }`,
    '"b" in wrong.proto:2',
  ],
  // Options.
  ['an unknown option', `${P3}option ¶foo = 1;`, 'FileOptions has no such field'],
  [
    'an unknown field option',
    `${P3}message A { int32 a = 1 [¶foo = 1]; }`,
    'FieldOptions has no such',
  ],
  ['an option of the wrong type', `${P3}option java_package = ¶1;`, 'found 1, wanted a string'],
  ['an unknown enum value', `${P3}option optimize_for = ¶FAST;`, 'SPEED, CODE_SIZE, LITE_RUNTIME'],
  [
    'an option twice',
    `${P3}option java_package = "a";\noption ¶java_package = "b";`,
    'set already',
  ],
  [
    'a custom option without its import',
    `${P3}service S { option (¶portcall.uuid) = "x"; }`,
    'not defined',
  ],
  [
    'an unknown portcall option',
    `${OPTIONS}service S { option (¶portcall.uid) = "x"; }`,
    'not defined',
  ],
  [
    'a portcall option in the wrong place',
    `${OPTIONS}message A { string a = 1 [(¶portcall.uuid) = "x"]; }`,
    'it extends google.protobuf.ServiceOptions',
  ],
  ['features in proto3', `${P3}option ¶features.field_presence = EXPLICIT;`, 'wanted an edition'],
  ['visibility before 2024', `${E23}¶export message A {}`, 'wanted edition 2024'],
  ['import option before 2024', `${E23}¶import option "x.proto";`, 'wanted edition 2024'],
  // Portcall.
  ['a wrong UUID', `${OPTIONS}service S { option (portcall.uuid) = ¶"x"; }`, 'found "x"'],
  ['a wrong version', `${OPTIONS}service S { option (portcall.version) = ¶"1"; }`, 'found "1"'],
  [
    'a version above 16 bits',
    `${OPTIONS}service S { option (portcall.version) = ¶"1.65536"; }`,
    '65536',
  ],
  [
    'a one-way method with a reply',
    `${OPTIONS}message A {} service S { rpc B(A) returns (¶A) { option (portcall.oneway) = ` +
      `true; } }`,
    'returns A, wanted google.protobuf.Empty',
  ],
  [
    'a one-way stream',
    `${OPTIONS}service S { rpc B(google.protobuf.Empty) returns (stream ` +
      `google.protobuf.Empty) { option (portcall.oneway) = ¶true; } }`,
    'of kind server-stream, wanted unary',
  ],
  [
    'an id twice',
    `${OPTIONS}message A {} service S { rpc B(A) returns (A) { option (portcall.id) = 5; } ` +
      `rpc ¶C(A) returns (A) { option (portcall.id) = 5; } }`,
    'its id 0x5 is that of "B"',
  ],
  [
    // A known pair with the same 32 bits of FNV-1a.
    'names with the same hash',
    `${P3}message A {} service S { rpc costarring(A) returns (A); rpc ¶liquid(A) returns (A); }`,
    'its id',
  ],
  [
    'the id 0',
    `${OPTIONS}message A {} service S { rpc B(A) returns (A) { option (portcall.id) = ¶0; } }`,
    'found 0, wanted a number from 1',
  ],
  [
    'a deadline of 0',
    `${OPTIONS}message A {} service S { rpc B(A) returns (A) { option (portcall.deadline_ms) ` +
      `= ¶0; } }`,
    'wanted at least 1',
  ],
  [
    'a method named Then',
    `${P3}message A {} service S { rpc ¶Then(A) returns (A); }`,
    'not usable as a client',
  ],
  [
    'methods that are one in TypeScript',
    `${P3}message A {} service S { rpc Do(A) returns (A); rpc ¶do(A) returns (A); }`,
    'the same name in TypeScript, do',
  ],
  [
    'types that are one in TypeScript',
    `${P3}message A_b {} message ¶AB {}`,
    'in TypeScript it is the type AB',
  ],
  [
    'properties that are one in TypeScript',
    `${P2}message A { optional int32 a_b = 1; optional int32 ¶aB = 2; }`,
    'the property aB',
  ],
];

function checkSource(source: string, extra: Readonly<Record<string, string>> = {}) {
  const cwd = temporaryFolder({ 'wrong.proto': source, ...extra });
  return check({ files: ['wrong.proto'], cwd });
}

describe('check()', () => {
  it.each(WRONG)('finds %s', (_name, marked, text) => {
    const offset = marked.indexOf(MARK);
    const source = marked.replace(MARK, '');
    const before = marked.slice(0, offset).split('\n');
    const [finding] = checkSource(source);
    expect(finding).toMatchObject({
      file: 'wrong.proto',
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      lineText: source.split('\n')[before.length - 1],
    });
    expect(finding?.text).toContain(text);
    expect(finding?.hint).not.toBe('');
  });

  it('finds all errors of a file, in order', () => {
    const findings = checkSource(`${P3}message A { B b = 0; }\nenum E { X = 1; }\noption foo = 1;`);
    expect(findings.map(({ line }) => line)).toEqual([2, 2, 3, 4]);
  });

  it('finds a cycle of imports', () => {
    const findings = checkSource(`${P3}import "b.proto";`, {
      'b.proto': `${P3}import "wrong.proto";`,
    });
    expect(findings).toMatchObject([{ file: 'b.proto', line: 2, column: 8 }]);
    expect(findings[0]?.text).toContain('wrong.proto -> b.proto -> wrong.proto');
  });

  it('finds errors of imported files too', () => {
    const findings = checkSource(`${P3}import "b.proto";`, { 'b.proto': `${P3}enum E {}` });
    expect(findings).toMatchObject([{ file: 'b.proto', line: 2, column: 6 }]);
  });

  it('reports a file that does not exist', () => {
    const cwd = temporaryFolder();
    expect(check({ files: ['no.proto'], cwd })).toMatchObject([{ file: 'no.proto', line: 0 }]);
  });

  it('reports a file outside of the proto path', () => {
    const cwd = temporaryFolder({ 'a/x.proto': P3, 'b/y.proto': P3 });
    const findings = check({ files: ['b/y.proto'], protoPaths: ['a'], cwd });
    expect(findings[0]?.hint).toContain('-I b');
  });

  it.each([
    ['public imports', `${P3}import "b.proto"; message A { C c = 1; }`],
    ['weak imports of proto2', `${P2}import weak "c.proto"; message A { optional C c = 1; }`],
    [
      'keywords as names',
      `${P3}message message { string optional = 1; repeated message stream = 2; int32 to = 3; }`,
    ],
    [
      'a type of an outer scope',
      `${P3}package a.b; message X {} message A { message B { X x = 1; } }`,
    ],
    [
      'a field with the name of its type',
      `${P3}message Foo {} message A { Foo Foo = 1; Foo b = 2; }`,
    ],
    ['negative numbers with a blank', `${P3}enum A { X = 0; Y = - 1; }`],
    ['aggregates in angle brackets', `${P3}import "b.proto"; option (d) = { e < f: 1 > };`],
    ['strings that are joined', `${P3}option java_package = "a" 'b';`],
    [
      'names equal in JSON in proto2',
      `${P2}message A { optional int32 a_b = 1; optional int32 a__b2 = 2; }`,
    ],
    ['visibility in 2024', `${E24}export message A {} local enum E { X = 0; }`],
    ['an empty file', ''],
    ['a byte order mark and carriage returns', `\uFEFF${P3.replace('\n', '\r\n')}message A {}\r\n`],
  ])('accepts %s', (_name, source) => {
    const findings = checkSource(source, {
      'b.proto':
        `syntax = "proto2"; import public "c.proto"; import ` +
        `"google/protobuf/descriptor.proto";
        message D { optional D e = 1; optional int32 f = 2; }
        extend google.protobuf.FileOptions { optional D d = 50000; }`,
      'c.proto': `${P3}message C {}`,
    });
    expect(findings).toEqual([]);
  });

  it('does not see the imports of an import that is not public', () => {
    const findings = checkSource(`${P3}import "b.proto"; message A { C c = 1; }`, {
      'b.proto': `${P3}import "c.proto";`,
      'c.proto': `${P3}message C {}`,
    });
    expect(findings[0]?.hint).toBe('Add import "c.proto";');
  });
});
