import type { Findings } from '../diagnostics/findings.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { OptionNode } from '../syntax/tree.js';
import type { SourceLocations } from './source-locations.js';
import type { SymbolTable } from './symbol-table.js';

/** Messages of descriptor.proto that hold options. */
export type OptionsMessageName =
  | 'FileOptions'
  | 'MessageOptions'
  | 'FieldOptions'
  | 'OneofOptions'
  | 'ExtensionRangeOptions'
  | 'EnumOptions'
  | 'EnumValueOptions'
  | 'ServiceOptions'
  | 'MethodOptions';

/**
 * Options that were read but not yet understood: that needs the descriptors of all files first,
 * since custom options are fields declared in them.
 */
export interface PendingOptions {
  readonly file: ParsedFile;
  /** Full name of the scope that extension names are searched from. */
  readonly scope: string;
  readonly message: OptionsMessageName;
  readonly nodes: readonly OptionNode[];
  /** Puts the encoded options message into the descriptor that they belong to. */
  readonly assign: (bytes: Uint8Array) => void;
}

/** What converting one file carries along. */
export interface Conversion {
  readonly file: ParsedFile;
  readonly symbols: SymbolTable;
  readonly findings: Findings;
  readonly locations: SourceLocations;
  readonly pending: PendingOptions[];
}

/** Where in the file a declaration is: its scope, and its path for `source_code_info`. */
export interface Place {
  readonly scope: string;
  readonly path: readonly number[];
}
