import { readInlineOptions } from './read-option.js';
import type { TokenCursor } from './token-cursor.js';
import type { FieldLabel, FieldNode, MessageMember, MessageNode, NameNode } from './tree.js';

/** Reads the body of a group; passed in by the reader of messages, which it belongs to. */
export type ReadMembers = (cursor: TokenCursor) => MessageMember[];

/** Reads a field of a message, a oneof or an `extend` block: plain, map or group. */
export function readField(cursor: TokenCursor, readMembers: ReadMembers): FieldNode {
  const first = cursor.index;
  const label = readLabel(cursor);
  if (cursor.at('group') && cursor.peek(1).kind === 'identifier') {
    return readGroup(cursor, { first, label }, readMembers);
  }
  const map = cursor.at('map') && cursor.at('<', 1) ? readMapTypes(cursor) : undefined;
  const type = map ?? cursor.expectDottedName('field', 'the type of a field', true);
  const name = cursor.expectName('field', 'the name of the field');
  cursor.expect('=', 'field');
  const number = cursor.expectInt('field', 'the number of the field', false);
  const options = readInlineOptions(cursor);
  const headEnd = cursor.index;
  cursor.expect(';', 'field');
  const types = { type: { text: type.text, start: type.start, end: type.end }, map };
  const place = cursor.declaration(first, headEnd);
  return { kind: 'field', label, ...types, group: undefined, name, number, options, ...place };
}

function readLabel(cursor: TokenCursor): FieldNode['label'] {
  for (const text of LABELS) {
    const token = cursor.tryTake(text);
    if (token !== undefined) return { text, start: token.start, end: token.end };
  }
  return undefined;
}

const LABELS: readonly FieldLabel[] = ['optional', 'required', 'repeated'];

function readMapTypes(cursor: TokenCursor): NameNode & { key: NameNode; value: NameNode } {
  const start = cursor.take().start;
  cursor.expect('<', 'map field');
  const key = cursor.expectDottedName('map field', 'the type of the key', true);
  cursor.expect(',', 'map field');
  const value = cursor.expectDottedName('map field', 'the type of the value', true);
  const end = cursor.expect('>', 'map field').end;
  return { text: 'map', start, end, key, value };
}

function readGroup(
  cursor: TokenCursor,
  head: { first: number; label: FieldNode['label'] },
  readMembers: ReadMembers,
): FieldNode {
  const type = cursor.take();
  if (!/^[A-Z]/.test(cursor.peek().text)) {
    const hint = 'The field of the group has the same name in small letters';
    cursor.fail('group', 'a name that starts with a capital letter', hint);
  }
  const name = cursor.expectName('group', 'the name of the group');
  cursor.expect('=', 'group');
  const number = cursor.expectInt('group', 'the number of the field', false);
  const options = readInlineOptions(cursor);
  const headEnd = cursor.index;
  cursor.expect('{', 'group');
  const members = readMembers(cursor);
  cursor.expect('}', 'group');
  const place = cursor.declaration(head.first, headEnd);
  const group: MessageNode = { kind: 'message', name, visibility: undefined, members, ...place };
  return {
    kind: 'field',
    label: head.label,
    type: { text: 'group', start: type.start, end: type.end },
    map: undefined,
    group,
    // The field of a group has the group's name in lower case; the message keeps it as written.
    name: { ...name, text: name.text.toLowerCase() },
    number,
    options,
    ...place,
  };
}
