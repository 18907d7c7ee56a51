import type { Findings } from '../diagnostics/findings.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { EnumNode, ExtendNode, FieldNode, MessageNode, NameNode } from '../syntax/tree.js';
import { join, mapEntryName } from './names.js';
import { type SymbolKind, SymbolTable } from './symbol-table.js';

/** Makes the table of all names that the files declare. Names declared twice become findings. */
export function defineSymbols(
  files: ReadonlyMap<string, ParsedFile>,
  findings: Findings,
): SymbolTable {
  const table = new SymbolTable(files);
  for (const file of files.values()) new Definer(table, file, findings).defineFile();
  return table;
}

class Definer {
  readonly #table: SymbolTable;
  readonly #file: ParsedFile;
  readonly #findings: Findings;

  constructor(table: SymbolTable, file: ParsedFile, findings: Findings) {
    this.#table = table;
    this.#file = file;
    this.#findings = findings;
  }

  defineFile(): void {
    const scope = this.#file.packageName;
    for (const member of this.#file.tree.members) {
      if (member.kind === 'package') this.#definePackage(member.name);
    }
    for (const member of this.#file.tree.members) {
      if (member.kind === 'message') this.#defineMessage(member, scope);
      else if (member.kind === 'enum') this.#defineEnum(member, scope);
      else if (member.kind === 'extend') this.#defineExtensions(member, scope);
      else if (member.kind === 'service') {
        this.#define('service', member.name, scope);
        const inner = join(scope, member.name.text);
        for (const method of member.methods) this.#define('method', method.name, inner);
      }
    }
  }

  #definePackage(name: NameNode): void {
    const parts = name.text.split('.');
    for (const index of parts.keys()) {
      const fullName = parts.slice(0, index + 1).join('.');
      const symbol = { fullName, kind: 'package', file: this.#file, name } as const;
      this.#table.define(symbol, this.#findings);
    }
  }

  #defineMessage(node: MessageNode, scope: string): void {
    this.#define('message', node.name, scope);
    const inner = join(scope, node.name.text);
    for (const member of node.members) {
      if (member.kind === 'field') this.#defineField(member, inner, 'field');
      else if (member.kind === 'message') this.#defineMessage(member, inner);
      else if (member.kind === 'enum') this.#defineEnum(member, inner);
      else if (member.kind === 'extend') this.#defineExtensions(member, inner);
      else if (member.kind === 'oneof') {
        this.#define('oneof', member.name, inner);
        for (const field of member.fields) this.#defineField(field, inner, 'field');
      }
    }
  }

  #defineField(node: FieldNode, scope: string, kind: 'field' | 'extension'): void {
    if (node.group !== undefined) this.#defineMessage(node.group, scope);
    this.#define(kind, node.name, scope);
    if (node.map !== undefined && kind === 'field') {
      this.#define('message', { ...node.name, text: mapEntryName(node.name.text) }, scope);
    }
  }

  #defineExtensions(node: ExtendNode, scope: string): void {
    for (const field of node.fields) this.#defineField(field, scope, 'extension');
  }

  #defineEnum(node: EnumNode, scope: string): void {
    this.#define('enum', node.name, scope);
    // As in C++, the values are names of the scope around the enum.
    for (const value of node.values) this.#define('enum value', value.name, scope);
  }

  #define(kind: SymbolKind, name: NameNode, scope: string): void {
    const fullName = join(scope, name.text);
    this.#table.define({ fullName, kind, file: this.#file, name }, this.#findings);
  }
}
