import { readInlineOptions, readOptionStatement } from './read-option.js';
import { readReserved } from './read-ranges.js';
import type { TokenCursor } from './token-cursor.js';
import type { EnumNode, EnumValueNode, OptionNode, ReservedNode } from './tree.js';
import { readVisibility } from './visibility.js';

/** Reads `enum Name { … }`; a visibility in front of it has been seen but not taken. */
export function readEnum(cursor: TokenCursor): EnumNode {
  const first = cursor.index;
  const visibility = readVisibility(cursor);
  cursor.expect('enum', 'enum');
  const name = cursor.expectName('enum', 'the name of the enum');
  const headEnd = cursor.index;
  cursor.expect('{', 'enum');
  const values: EnumValueNode[] = [];
  const options: OptionNode[] = [];
  const reserved: ReservedNode[] = [];
  while (!cursor.at('}')) {
    if (cursor.tryTake(';') !== undefined) continue;
    if (cursor.at('option') && !cursor.at('=', 1)) options.push(readOptionStatement(cursor));
    else if (cursor.at('reserved') && !cursor.at('=', 1)) reserved.push(readReserved(cursor, true));
    else values.push(readValue(cursor));
  }
  cursor.expect('}', 'enum');
  const place = cursor.declaration(first, headEnd);
  return { kind: 'enum', name, visibility, values, options, reserved, ...place };
}

function readValue(cursor: TokenCursor): EnumValueNode {
  const first = cursor.index;
  const name = cursor.expectName('enum value', 'the name of a value or "}"');
  cursor.expect('=', 'enum value');
  const number = cursor.expectInt('enum value', 'the number of the value', true);
  const options = readInlineOptions(cursor);
  const headEnd = cursor.index;
  cursor.expect(';', 'enum value');
  return { kind: 'enum-value', name, number, options, ...cursor.declaration(first, headEnd) };
}
