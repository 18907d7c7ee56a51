import { readInlineOptions, readString } from './read-option.js';
import type { TokenCursor } from './token-cursor.js';
import type { ExtensionsNode, NameNode, RangeNode, ReservedNode } from './tree.js';

/** Reads `reserved 1, 5 to 9, max;`, `reserved "a", "b";` or, in editions, `reserved a, b;`. */
export function readReserved(cursor: TokenCursor, signed: boolean): ReservedNode {
  const first = cursor.index;
  cursor.expect('reserved', 'reserved');
  const ranges: RangeNode[] = [];
  const names: NameNode[] = [];
  if (cursor.peek().kind === 'int' || cursor.at('-')) ranges.push(...readRanges(cursor, signed));
  else names.push(...readNames(cursor));
  const headEnd = cursor.index;
  cursor.expect(';', 'reserved');
  return { kind: 'reserved', ranges, names, ...cursor.declaration(first, headEnd) };
}

/** Reads `extensions 100 to 199, 1000 to max [options];`. */
export function readExtensions(cursor: TokenCursor): ExtensionsNode {
  const first = cursor.index;
  cursor.expect('extensions', 'extensions');
  const ranges = readRanges(cursor, false);
  const options = readInlineOptions(cursor);
  const headEnd = cursor.index;
  cursor.expect(';', 'extensions');
  return { kind: 'extensions', ranges, options, ...cursor.declaration(first, headEnd) };
}

function readRanges(cursor: TokenCursor, signed: boolean): RangeNode[] {
  const ranges: RangeNode[] = [];
  do {
    const first = cursor.expectInt('range', 'a number', signed);
    let last: RangeNode['last'] = first;
    let end = first.end;
    if (cursor.tryTake('to') !== undefined) {
      const max = cursor.tryTake('max');
      last = max === undefined ? cursor.expectInt('range', 'a number or "max"', signed) : undefined;
      end = max?.end ?? last?.end ?? end;
    }
    ranges.push({ first, last, start: first.start, end });
  } while (cursor.tryTake(',') !== undefined);
  return ranges;
}

function readNames(cursor: TokenCursor): NameNode[] {
  const names: NameNode[] = [];
  do {
    if (cursor.peek().kind === 'string') {
      const { bytes, start, end } = readString(cursor, 'reserved');
      names.push({ text: Buffer.from(bytes).toString('utf8'), start, end });
    } else {
      names.push(cursor.expectName('reserved', 'a number or a name in quotes'));
    }
  } while (cursor.tryTake(',') !== undefined);
  return names;
}
