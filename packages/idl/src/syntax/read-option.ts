import { stringBytes } from './string-bytes.js';
import { parseInteger, type TokenCursor } from './token-cursor.js';
import type { AggregateField, NameNode, OptionNamePart, OptionNode, OptionValue } from './tree.js';
import type { StringNode } from './tree.js';

/**
 * Nested aggregates deeper than this are refused: the limit of protobuf's own text format readers.
 */
const AGGREGATE_DEPTH_MAX = 100;

/** Reads `option name = value;`. */
export function readOptionStatement(cursor: TokenCursor): OptionNode {
  const first = cursor.index;
  cursor.expect('option', 'option');
  const name = readOptionName(cursor);
  cursor.expect('=', 'option');
  const value = readOptionValue(cursor);
  const headEnd = cursor.index;
  cursor.expect(';', 'option');
  return { kind: 'option', name, value, ...cursor.declaration(first, headEnd) };
}

/** Reads `[a = 1, (b).c = "x"]` if it is there. */
export function readInlineOptions(cursor: TokenCursor): OptionNode[] {
  const options: OptionNode[] = [];
  if (cursor.tryTake('[') === undefined) return options;
  do {
    const first = cursor.index;
    const name = readOptionName(cursor);
    cursor.expect('=', 'option');
    const value = readOptionValue(cursor);
    options.push({ kind: 'option', name, value, ...cursor.declaration(first, cursor.index) });
  } while (cursor.tryTake(',') !== undefined);
  cursor.expect(']', 'options');
  return options;
}

/** Reads one string, or several adjacent ones as one. */
export function readString(cursor: TokenCursor, what: string): StringNode {
  const start = cursor.peek().start;
  if (cursor.peek().kind !== 'string') cursor.fail(what, 'a string in quotes');
  const chunks: Buffer[] = [];
  let end = start;
  while (cursor.peek().kind === 'string') {
    const token = cursor.take();
    chunks.push(stringBytes(token));
    end = token.end;
  }
  return { bytes: Buffer.concat(chunks), start, end };
}

function readOptionName(cursor: TokenCursor): OptionNamePart[] {
  const parts: OptionNamePart[] = [];
  do {
    parts.push(readOptionNamePart(cursor));
  } while (cursor.tryTake('.') !== undefined);
  return parts;
}

function readOptionNamePart(cursor: TokenCursor): OptionNamePart {
  if (cursor.tryTake('(') === undefined) {
    return { ...cursor.expectName('option', 'an option name'), isExtension: false };
  }
  const name = cursor.expectDottedName('option', 'the name of an extension', true);
  cursor.expect(')', 'option name');
  return { ...name, isExtension: true };
}

function readOptionValue(cursor: TokenCursor): OptionValue {
  return cursor.at('{') ? readAggregate(cursor, '}', 0) : readScalar(cursor, 'option value');
}

function readScalar(cursor: TokenCursor, what: string): OptionValue {
  const token = cursor.peek();
  if (token.kind === 'string') return { kind: 'string', ...readString(cursor, what) };
  const minus = cursor.tryTake('-');
  const start = token.start;
  const next = cursor.peek();
  if (minus !== undefined && minus.end !== next.start) cursor.beyondProtobufjs = true;
  if (next.kind === 'identifier') {
    cursor.take();
    return {
      kind: 'identifier',
      text: next.text,
      negative: minus !== undefined,
      start,
      end: next.end,
    };
  }
  if (next.kind === 'int') {
    cursor.take();
    const value = parseInteger(next.text);
    return { kind: 'int', value: minus === undefined ? value : -value, start, end: next.end };
  }
  if (next.kind !== 'float') return cursor.fail(what, 'a name, a number or a string');
  cursor.take();
  const value = Number.parseFloat(next.text);
  return { kind: 'float', value: minus === undefined ? value : -value, start, end: next.end };
}

function readAggregate(cursor: TokenCursor, close: '}' | '>', depth: number): OptionValue {
  const open = cursor.take();
  if (depth >= AGGREGATE_DEPTH_MAX)
    cursor.fail('option value', `at most ${AGGREGATE_DEPTH_MAX} levels`);
  if (close === '>') cursor.beyondProtobufjs = true;
  const fields: AggregateField[] = [];
  while (!cursor.at(close)) {
    fields.push(readAggregateField(cursor, depth));
    if (cursor.tryTake(',') === undefined) cursor.tryTake(';');
  }
  return { kind: 'aggregate', fields, start: open.start, end: cursor.take().end };
}

function readAggregateField(cursor: TokenCursor, depth: number): AggregateField {
  const isExtension = cursor.tryTake('[') !== undefined;
  const name = isExtension
    ? readBracketName(cursor)
    : cursor.expectName('option value', 'a field name or "}"');
  const colon = cursor.tryTake(':');
  const opensMessage = cursor.at('{') || cursor.at('<');
  if (colon === undefined && !opensMessage && !cursor.at('[')) cursor.expect(':', 'option value');
  return { name, isExtension, value: readAggregateValue(cursor, depth) };
}

function readBracketName(cursor: TokenCursor): NameNode {
  const what = 'option value';
  let name = cursor.expectDottedName(what, 'the name of an extension', false);
  if (cursor.tryTake('/') !== undefined) {
    const type = cursor.expectDottedName(what, 'the name of a message', false);
    name = { text: `${name.text}/${type.text}`, start: name.start, end: type.end };
  }
  cursor.expect(']', what);
  return name;
}

function readAggregateValue(cursor: TokenCursor, depth: number): OptionValue {
  if (cursor.at('{')) return readAggregate(cursor, '}', depth + 1);
  if (cursor.at('<')) return readAggregate(cursor, '>', depth + 1);
  if (!cursor.at('[')) return readScalar(cursor, 'option value');
  const open = cursor.take();
  const values: OptionValue[] = [];
  if (!cursor.at(']')) {
    do {
      if (cursor.at('[')) cursor.fail('option value', 'a value that is no list');
      values.push(readAggregateValue(cursor, depth));
    } while (cursor.tryTake(',') !== undefined);
  }
  const close = cursor.expect(']', 'option value');
  return { kind: 'list', values, start: open.start, end: close.end };
}
