import type { TokenCursor } from './token-cursor.js';
import type { Visibility } from './tree.js';

/** Takes `export` or `local` in front of `message` or `enum`. */
export function readVisibility(cursor: TokenCursor): Visibility | undefined {
  if (cursor.tryTake('export') !== undefined) return 'export';
  return cursor.tryTake('local') === undefined ? undefined : 'local';
}

/** Whether a declaration of this kind starts here, with or without a visibility in front. */
export function startsDeclaration(cursor: TokenCursor, keyword: 'message' | 'enum'): boolean {
  return (
    cursor.at(keyword) || ((cursor.at('export') || cursor.at('local')) && cursor.at(keyword, 1))
  );
}
