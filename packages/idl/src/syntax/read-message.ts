import { readEnum } from './read-enum.js';
import { readField } from './read-field.js';
import { readOptionStatement } from './read-option.js';
import { readExtensions, readReserved } from './read-ranges.js';
import type { TokenCursor } from './token-cursor.js';
import type {
  ExtendNode,
  FieldNode,
  MessageMember,
  MessageNode,
  OneofNode,
  OptionNode,
} from './tree.js';
import { readVisibility, startsDeclaration } from './visibility.js';

/** Messages nested deeper than this are refused; protoc's limit is the same. */
const MESSAGE_DEPTH_MAX = 32;

/** Reads `message Name { … }`; a visibility in front of it has been seen but not taken. */
export function readMessage(cursor: TokenCursor, depth = 0): MessageNode {
  const first = cursor.index;
  const visibility = readVisibility(cursor);
  cursor.expect('message', 'message');
  const name = cursor.expectName('message', 'the name of the message');
  if (depth >= MESSAGE_DEPTH_MAX)
    cursor.fail('message', `at most ${MESSAGE_DEPTH_MAX} nested levels`);
  const headEnd = cursor.index;
  cursor.expect('{', 'message');
  const members = readMembers(cursor, depth);
  cursor.expect('}', 'message');
  return { kind: 'message', name, visibility, members, ...cursor.declaration(first, headEnd) };
}

/** Reads `extend Type { … }`. */
export function readExtend(cursor: TokenCursor, depth = 0): ExtendNode {
  const first = cursor.index;
  cursor.expect('extend', 'extend');
  const extendee = cursor.expectDottedName('extend', 'the name of a message', true);
  const headEnd = cursor.index;
  cursor.expect('{', 'extend');
  const fields: FieldNode[] = [];
  while (!cursor.at('}')) {
    if (cursor.tryTake(';') === undefined) fields.push(readMessageField(cursor, depth));
  }
  cursor.expect('}', 'extend');
  return { kind: 'extend', extendee, fields, ...cursor.declaration(first, headEnd) };
}

function readMembers(cursor: TokenCursor, depth: number): MessageMember[] {
  const members: MessageMember[] = [];
  while (!cursor.at('}')) {
    if (cursor.tryTake(';') === undefined) members.push(readMember(cursor, depth));
  }
  return members;
}

function readMember(cursor: TokenCursor, depth: number): MessageMember {
  if (startsDeclaration(cursor, 'message')) return readMessage(cursor, depth + 1);
  if (startsDeclaration(cursor, 'enum')) return readEnum(cursor);
  if (cursor.at('extensions')) return readExtensions(cursor);
  if (cursor.at('reserved')) return readReserved(cursor, false);
  if (cursor.at('extend')) return readExtend(cursor, depth);
  if (cursor.at('option')) return readOptionStatement(cursor);
  if (cursor.at('oneof')) return readOneof(cursor, depth);
  return readMessageField(cursor, depth);
}

function readMessageField(cursor: TokenCursor, depth: number): FieldNode {
  return readField(cursor, (inner) => readMembers(inner, depth + 1));
}

function readOneof(cursor: TokenCursor, depth: number): OneofNode {
  const first = cursor.index;
  cursor.expect('oneof', 'oneof');
  const name = cursor.expectName('oneof', 'the name of the oneof');
  const headEnd = cursor.index;
  cursor.expect('{', 'oneof');
  const fields: FieldNode[] = [];
  const options: OptionNode[] = [];
  while (!cursor.at('}')) {
    if (cursor.at('option')) options.push(readOptionStatement(cursor));
    else if (cursor.tryTake(';') === undefined) fields.push(readMessageField(cursor, depth));
  }
  // protobufjs cannot read a group in a oneof.
  if (fields.some(({ group }) => group !== undefined)) cursor.beyondProtobufjs = true;
  cursor.expect('}', 'oneof');
  return { kind: 'oneof', name, fields, options, ...cursor.declaration(first, headEnd) };
}
