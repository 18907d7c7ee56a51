import type { Findings } from '../diagnostics/findings.js';
import type { SourceFile } from '../diagnostics/source-file.js';
import { ProtoSyntaxError } from '../diagnostics/syntax-error.js';
import { readFile } from './read-file.js';
import type { Token } from './token.js';
import { tokenize } from './tokenize.js';
import type { FileTree, ImportNode } from './tree.js';

/** A `.proto` file that was read: its text, tokens and tree. */
export interface ParsedFile {
  readonly source: SourceFile;
  readonly tokens: readonly Token[];
  readonly tree: FileTree;
  /** Import name. */
  readonly name: string;
  /** Empty for none. */
  readonly packageName: string;
  /** `proto2`, `proto3`, or the edition, for example `2023`. */
  readonly edition: string;
  readonly imports: readonly ImportNode[];
}

/** Reads one file. A syntax error becomes a finding; then the result is undefined. */
export function parseFile(source: SourceFile, findings: Findings): ParsedFile | undefined {
  try {
    const tokens = tokenize(source.text);
    return describe(source, tokens, readFile(tokens));
  } catch (error) {
    if (!(error instanceof ProtoSyntaxError)) throw error;
    findings.add(source, error.offset, { text: error.message, hint: error.hint });
    return undefined;
  }
}

function describe(source: SourceFile, tokens: readonly Token[], tree: FileTree): ParsedFile {
  let packageName = '';
  let edition = 'proto2';
  const imports: ImportNode[] = [];
  for (const member of tree.members) {
    if (member.kind === 'package') packageName = member.name.text;
    else if (member.kind === 'syntax' || member.kind === 'edition') edition = member.value.text;
    else if (member.kind === 'import') imports.push(member);
  }
  return { source, tokens, tree, name: source.importName, packageName, edition, imports };
}
