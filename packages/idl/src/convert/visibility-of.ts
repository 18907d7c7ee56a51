import { SymbolVisibility } from '@bufbuild/protobuf/wkt';
import type { Visibility } from '../syntax/tree.js';

/** Number of `SymbolVisibility` for `export` and `local`. */
export function visibilityOf(visibility: Visibility): SymbolVisibility {
  return visibility === 'export'
    ? SymbolVisibility.VISIBILITY_EXPORT
    : SymbolVisibility.VISIBILITY_LOCAL;
}
