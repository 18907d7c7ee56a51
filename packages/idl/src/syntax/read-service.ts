import { readOptionStatement } from './read-option.js';
import type { TokenCursor } from './token-cursor.js';
import type { MethodNode, MethodSide, OptionNode, ServiceNode } from './tree.js';

/** Reads `service Name { … }`. */
export function readService(cursor: TokenCursor): ServiceNode {
  const first = cursor.index;
  cursor.expect('service', 'service');
  const name = cursor.expectName('service', 'the name of the service');
  const headEnd = cursor.index;
  cursor.expect('{', 'service');
  const methods: MethodNode[] = [];
  const options: OptionNode[] = [];
  while (!cursor.at('}')) {
    if (cursor.at('option')) options.push(readOptionStatement(cursor));
    else if (cursor.at('rpc')) methods.push(readMethod(cursor));
    else if (cursor.tryTake(';') === undefined) cursor.fail('service', '"rpc", "option" or "}"');
  }
  cursor.expect('}', 'service');
  return { kind: 'service', name, methods, options, ...cursor.declaration(first, headEnd) };
}

function readMethod(cursor: TokenCursor): MethodNode {
  const first = cursor.index;
  cursor.expect('rpc', 'method');
  const name = cursor.expectName('method', 'the name of the method');
  const input = readSide(cursor);
  cursor.expect('returns', 'method');
  const output = readSide(cursor);
  const headEnd = cursor.index;
  const options: OptionNode[] = [];
  if (cursor.tryTake('{') === undefined) {
    cursor.expect(';', 'method');
  } else {
    while (!cursor.at('}')) {
      if (cursor.at('option')) options.push(readOptionStatement(cursor));
      else if (cursor.tryTake(';') === undefined) cursor.fail('method', '"option" or "}"');
    }
    cursor.expect('}', 'method');
  }
  return { kind: 'method', name, input, output, options, ...cursor.declaration(first, headEnd) };
}

function readSide(cursor: TokenCursor): MethodSide {
  cursor.expect('(', 'method');
  // As protoc reads it: `stream` is the keyword unless it is all there is.
  const stream = !cursor.at(')', 1) && cursor.tryTake('stream') !== undefined;
  const type = cursor.expectDottedName('method', 'the name of a message', true);
  cursor.expect(')', 'method');
  return { type, stream };
}
