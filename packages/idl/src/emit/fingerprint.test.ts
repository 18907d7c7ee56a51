import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/temporary.js';
import { compile } from '../compile.js';
import { fingerprintOf } from './fingerprint.js';

const BASE = `syntax = "proto3";
message A { string a = 1; B b = 2; }
message B { E e = 1; }
message Other { int32 x = 1; }
enum E { Z = 0; }
service S { rpc M(A) returns (B); }`;

function fingerprint(source: string): string {
  const cwd = temporaryFolder({ 'a.proto': source });
  const [service] = compile({ files: ['a.proto'], cwd }).services.get('a.proto') ?? [];
  if (service === undefined) throw new Error('Cannot test: no service');
  return fingerprintOf(service);
}

describe('fingerprintOf()', () => {
  it('has 32 hexadecimal digits', () => {
    expect(fingerprint(BASE)).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ['comments', BASE.replace('message A', '// Hello.\nmessage A')],
    ['the order of fields', BASE.replace('string a = 1; B b = 2;', 'B b = 2; string a = 1;')],
    [
      'the order of messages',
      BASE.replace('enum E { Z = 0; }\n', '').concat('\nenum E { Z = 0; }'),
    ],
    ['messages out of reach', BASE.replace('int32 x = 1', 'int64 y = 2')],
  ])('does not change with %s', (_name, source) => {
    expect(source).not.toBe(BASE);
    expect(fingerprint(source)).toBe(fingerprint(BASE));
  });

  it.each([
    ['the type of a field', BASE.replace('string a', 'bytes a')],
    ['the number of a field', BASE.replace('a = 1', 'a = 3')],
    ['the name of a field', BASE.replace('string a', 'string c')],
    ['presence', BASE.replace('string a', 'optional string a')],
    ['a new field', BASE.replace('string a = 1;', 'string a = 1; string c = 3;')],
    ['a new enum value in reach', BASE.replace('Z = 0;', 'Z = 0; Y = 1;')],
    ['the kind of a method', BASE.replace('returns (B)', 'returns (stream B)')],
    ['a new method', BASE.replace('service S {', 'service S { rpc N(A) returns (A);')],
    ['the package', BASE.replace('"proto3";', '"proto3"; package p;')],
  ])('changes with %s', (_name, source) => {
    expect(fingerprint(source)).not.toBe(fingerprint(BASE));
  });
});
