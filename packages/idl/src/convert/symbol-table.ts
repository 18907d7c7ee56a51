import type { Findings } from '../diagnostics/findings.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { NameNode } from '../syntax/tree.js';

/** What a full name can stand for. */
export type SymbolKind =
  | 'package'
  | 'message'
  | 'enum'
  | 'enum value'
  | 'field'
  | 'extension'
  | 'oneof'
  | 'service'
  | 'method';

/** A declared name. */
export interface ProtoSymbol {
  readonly fullName: string;
  readonly kind: SymbolKind;
  readonly file: ParsedFile;
  readonly name: NameNode;
}

/** Result of a lookup: the symbol, or the reason why there is none. */
export type Lookup =
  | { readonly symbol: ProtoSymbol }
  | { readonly symbol: undefined; readonly reason: string; readonly hint: string };

/** Where a lookup starts, and what it is for. */
interface Search {
  readonly from: { readonly scope: string; readonly file: ParsedFile };
  readonly wanted: ReadonlySet<SymbolKind>;
}

/** Kinds that a name with dots may go through. */
const CONTAINERS: ReadonlySet<SymbolKind> = new Set(['package', 'message', 'enum', 'service']);

/** All names of all loaded files, and protobuf's rules for finding them. */
export class SymbolTable {
  readonly #symbols = new Map<string, ProtoSymbol>();
  readonly #packageFiles = new Map<string, Set<string>>();
  readonly #visible = new Map<string, ReadonlySet<string>>();
  readonly #files: ReadonlyMap<string, ParsedFile>;

  constructor(files: ReadonlyMap<string, ParsedFile>) {
    this.#files = files;
  }

  /** The symbol of a full name, in whatever file it is. */
  get(fullName: string): ProtoSymbol | undefined {
    return this.#symbols.get(fullName);
  }

  /** Adds a name; a second declaration of it becomes a finding. */
  define(symbol: ProtoSymbol, findings: Findings): void {
    const known = this.#symbols.get(symbol.fullName);
    if (symbol.kind === 'package') {
      const files = this.#packageFiles.get(symbol.fullName) ?? new Set();
      this.#packageFiles.set(symbol.fullName, files.add(symbol.file.name));
    }
    if (known === undefined) this.#symbols.set(symbol.fullName, symbol);
    else if (known.kind !== 'package' || symbol.kind !== 'package') {
      reportTwice(symbol, known, findings);
    }
  }

  /**
   * Finds a name as written, from inside a scope (full name of the message around it, or the
   * package). Only names of kind `wanted` count. Source: `DescriptorBuilder::LookupSymbol` of
   * protobuf.
   */
  resolve(
    name: string,
    from: { readonly scope: string; readonly file: ParsedFile },
    wanted: ReadonlySet<SymbolKind>,
  ): Lookup {
    if (name.startsWith('.')) return this.#exact(name.slice(1), name, { from, wanted });
    const [first = ''] = name.split('.');
    for (let scope = from.scope; ; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')))) {
      const prefix = scope === '' ? '' : `${scope}.`;
      const start = this.#findVisible(prefix + first, from.file);
      const stops = first === name ? wanted : CONTAINERS;
      if (start !== undefined && stops.has(start.kind)) {
        return this.#exact(prefix + name, name, { from, wanted });
      }
      if (scope === '') return this.#missing(name, { from, wanted });
    }
  }

  /**
   * Import names of the files that a file sees: itself, its imports and what those import
   * publicly.
   */
  visibleFiles(file: ParsedFile): ReadonlySet<string> {
    const known = this.#visible.get(file.name);
    if (known !== undefined) return known;
    const visible = new Set([file.name]);
    for (const node of file.imports) this.#addPublic(node.path.text, visible);
    this.#visible.set(file.name, visible);
    return visible;
  }

  #addPublic(name: string, visible: Set<string>): void {
    if (visible.has(name)) return;
    visible.add(name);
    for (const node of this.#files.get(name)?.imports ?? []) {
      if (node.modifier === 'public') this.#addPublic(node.path.text, visible);
    }
  }

  #exact(fullName: string, asWritten: string, search: Search): Lookup {
    const symbol = this.#findVisible(fullName, search.from.file);
    if (symbol !== undefined && search.wanted.has(symbol.kind)) return { symbol };
    if (symbol !== undefined) return wrongKind(symbol, search.wanted);
    if (asWritten === fullName || asWritten.startsWith('.')) {
      return this.#missing(fullName, search);
    }
    return {
      symbol: undefined,
      reason: `it means "${fullName}" here, which is not defined`,
      hint:
        `The innermost scope is searched first; write a leading dot, as in ` +
        `".${asWritten}", to start at the outermost`,
    };
  }

  #findVisible(fullName: string, file: ParsedFile): ProtoSymbol | undefined {
    const symbol = this.#symbols.get(fullName);
    if (symbol === undefined) return undefined;
    const visible = this.visibleFiles(file);
    if (symbol.kind !== 'package') return visible.has(symbol.file.name) ? symbol : undefined;
    const files = this.#packageFiles.get(fullName) ?? new Set<string>();
    return [...files].some((name) => visible.has(name)) ? symbol : undefined;
  }

  /** Explains a failed lookup; names the file to import if some loaded file has the name. */
  #missing(name: string, search: Search): Lookup {
    const { from } = search;
    for (let scope = from.scope; ; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('.')))) {
      const symbol = this.#symbols.get(scope === '' ? name : `${scope}.${name}`);
      if (symbol !== undefined && symbol.kind !== 'package') {
        if (this.#findVisible(symbol.fullName, from.file)) return wrongKind(symbol, search.wanted);
        return {
          symbol: undefined,
          reason: `it is defined in "${symbol.file.name}", which is not imported`,
          hint: `Add import "${symbol.file.name}";`,
        };
      }
      if (scope === '') break;
    }
    return {
      symbol: undefined,
      reason: 'it is not defined',
      hint: WELL_KNOWN_HINTS[name] ?? 'Check the spelling, or import the file that defines it',
    };
  }
}

function wrongKind(symbol: ProtoSymbol, wanted: ReadonlySet<SymbolKind>): Lookup {
  const article = symbol.kind.startsWith('e') || symbol.kind.startsWith('o') ? 'an' : 'a';
  const reason = `"${symbol.fullName}" is ${article} ${symbol.kind}`;
  return { symbol: undefined, reason, hint: `Use the name of a ${[...wanted].join(' or ')}` };
}

function reportTwice(symbol: ProtoSymbol, known: ProtoSymbol, findings: Findings): void {
  const { line } = known.file.source.positionAt(known.name.start);
  const sameFile = known.file === symbol.file;
  const place = sameFile ? `line ${line}` : `${known.file.source.displayPath}:${line}`;
  const isValue = symbol.kind === 'enum value' && known.kind === 'enum value';
  findings.add(symbol.file.source, symbol.name.start, {
    text:
      `Cannot define ${symbol.kind} "${symbol.fullName}": the name is taken by the ` +
      `${known.kind} in ${place}`,
    hint: isValue
      ? 'Values of an enum are names of the scope around the enum; start each with the name of ' +
        'its enum'
      : 'Give one of the two another name',
  });
}

const WELL_KNOWN_HINTS: Readonly<Record<string, string>> = Object.fromEntries(
  ['Any', 'Duration', 'Empty', 'Struct', 'Timestamp'].map((name) => [
    `google.protobuf.${name}`,
    `Add import "google/protobuf/${name.toLowerCase()}.proto";`,
  ]),
);
