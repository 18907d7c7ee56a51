import { describe, expect, it } from 'vitest';
import { Findings } from '../diagnostics/findings.js';
import { SourceFile } from '../diagnostics/source-file.js';
import { type ParsedFile, parseFile } from '../syntax/parse-file.js';
import { compareReaders } from './compare-readers.js';

function parse(text: string): ParsedFile {
  const names = { importName: 'a.proto', displayPath: 'a.proto' };
  const parsed = parseFile(new SourceFile(names, text), new Findings());
  if (parsed === undefined) throw new Error('Cannot test: syntax error');
  return parsed;
}

/** Findings of a comparison in which our tree comes from one text and protobufjs reads another. */
function compareTexts(ours: string, theirs: string) {
  const findings = new Findings();
  compareReaders({ ...parse(theirs), tree: parse(ours).tree }, findings);
  return findings.sorted();
}

const TEXT = `syntax = "proto2"; package p;
message A {
  optional int32 a = 1; map<string, A> b = 2; oneof o { string c = 3; }
  repeated group G = 4 { optional int32 d = 1; }
  enum E { Z = 0; Y = -1; }
  extensions 100 to 200;
  extend A { optional E e = 100; }
}
service S { rpc M(A) returns (stream A); }`;

describe('compareReaders()', () => {
  it('finds nothing when the two agree', () => {
    expect(compareTexts(TEXT, TEXT)).toEqual([]);
  });

  it.each([
    ['the number of a field', 'a = 1', 'a = 9'],
    ['the name of a field', 'string c', 'string x'],
    ['the type of a field', 'optional int32 a', 'optional int64 a'],
    ['the value of a map', 'map<string, A>', 'map<string, E>'],
    ['a label', 'optional int32 a', 'repeated int32 a'],
    ['the number of an enum value', 'Y = -1', 'Y = 1'],
    ['a field of a group', 'd = 1', 'd = 2'],
    ['an extension', 'E e = 100', 'E e = 101'],
    ['a stream', '(stream A)', '(A)'],
    ['the package', 'package p', 'package q'],
  ])('finds a difference in %s', (_name, part, changed) => {
    const ours = TEXT.replace(part, changed);
    expect(ours).not.toBe(TEXT);
    // The package is known from the file, not from the tree.
    const findings = part.startsWith('package') ? comparePackages() : compareTexts(ours, TEXT);
    expect(findings[0]?.text).toContain('the two parsers differ');
  });

  it('reports a syntax error that only protobufjs sees, at its line', () => {
    const findings = compareTexts(TEXT, TEXT);
    expect(findings).toEqual([]);
    const broken = { ...parse('message A {}'), source: parse('message A {}').source };
    const names = { importName: 'a.proto', displayPath: 'a.proto' };
    const source = new SourceFile(names, 'message A {\n  required 5;\n}');
    const found = new Findings();
    compareReaders({ ...broken, source }, found);
    expect(found.sorted()[0]).toMatchObject({ line: 2 });
  });
});

function comparePackages() {
  const findings = new Findings();
  compareReaders({ ...parse(TEXT), packageName: 'q' }, findings);
  return findings.sorted();
}
