import { readEnum } from './read-enum.js';
import { readExtend, readMessage } from './read-message.js';
import { readOptionStatement, readString } from './read-option.js';
import { readService } from './read-service.js';
import type { Token } from './token.js';
import { TokenCursor } from './token-cursor.js';
import type { FileMember, FileTree, ImportNode, PackageNode, SyntaxNode } from './tree.js';
import { startsDeclaration } from './visibility.js';

/**
 * Reads the tokens of a `.proto` file into its tree. Throws `ProtoSyntaxError` at the first error.
 */
export function readFile(tokens: readonly Token[]): FileTree {
  const cursor = new TokenCursor(tokens);
  const members: FileMember[] = [];
  while (cursor.peek().kind !== 'end') {
    if (cursor.tryTake(';') !== undefined) continue;
    const isFirst = members.length === 0;
    if (isFirst && (cursor.at('syntax') || cursor.at('edition'))) members.push(readSyntax(cursor));
    else members.push(readStatement(cursor));
  }
  return { members, beyondProtobufjs: cursor.beyondProtobufjs };
}

function readStatement(cursor: TokenCursor): FileMember {
  if (startsDeclaration(cursor, 'message')) return readMessage(cursor);
  if (startsDeclaration(cursor, 'enum')) return readEnum(cursor);
  if (cursor.at('service')) return readService(cursor);
  if (cursor.at('extend')) return readExtend(cursor);
  if (cursor.at('import')) return readImport(cursor);
  if (cursor.at('package')) return readPackage(cursor);
  if (cursor.at('option')) return readOptionStatement(cursor);
  if (cursor.at('syntax') || cursor.at('edition')) {
    const hint = 'Move it to the top of the file, in front of everything else';
    return cursor.fail('file', 'the syntax statement only once, and first', hint);
  }
  return cursor.fail(
    'file',
    '"message", "enum", "service", "extend", "import", "package" or "option"',
    'Only declarations may stand here; check for a missing or extra } above',
  );
}

function readSyntax(cursor: TokenCursor): SyntaxNode {
  const first = cursor.index;
  const kind = cursor.at('syntax') ? 'syntax' : 'edition';
  cursor.take();
  cursor.expect('=', kind);
  const { bytes, start, end } = readString(cursor, kind);
  const value = { text: Buffer.from(bytes).toString('utf8'), start, end };
  const headEnd = cursor.index;
  cursor.expect(';', kind);
  return { kind, value, ...cursor.declaration(first, headEnd) };
}

function readPackage(cursor: TokenCursor): PackageNode {
  const first = cursor.index;
  cursor.expect('package', 'package');
  const name = cursor.expectDottedName('package', 'the name of the package', false);
  const headEnd = cursor.index;
  cursor.expect(';', 'package');
  return { kind: 'package', name, ...cursor.declaration(first, headEnd) };
}

function readImport(cursor: TokenCursor): ImportNode {
  const first = cursor.index;
  cursor.expect('import', 'import');
  let modifier: ImportNode['modifier'];
  for (const word of ['public', 'weak', 'option'] as const) {
    if (cursor.tryTake(word) !== undefined) modifier = word;
  }
  const { bytes, start, end } = readString(cursor, 'import');
  const path = { text: Buffer.from(bytes).toString('utf8'), start, end };
  const headEnd = cursor.index;
  cursor.expect(';', 'import');
  return { kind: 'import', modifier, path, ...cursor.declaration(first, headEnd) };
}
