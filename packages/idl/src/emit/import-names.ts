/** Collects what a generated file imports, and gives names that clash another one. */
export class ImportNames {
  readonly #taken: Set<string>;
  readonly #bySource = new Map<string, Map<string, { local: string; isType: boolean }>>();

  /** `taken` are the names that the file declares or uses itself. */
  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  /** Imports a value (with its type); returns the name to use for it in the file. */
  value(source: string, exported: string): string {
    return this.#add(source, exported, false);
  }

  /** Imports only a type; returns the name to use for it in the file. */
  type(source: string, exported: string): string {
    return this.#add(source, exported, true);
  }

  /**
   * The import statements: packages first, then files; sources and the names within each sorted.
   */
  toString(): string {
    const sources = [...this.#bySource].toSorted(([a], [b]) => (rank(a) < rank(b) ? -1 : 1));
    return sources.map(([source, names]) => importLine(source, names)).join('');
  }

  #add(source: string, exported: string, isType: boolean): string {
    const names = this.#bySource.get(source) ?? new Map();
    this.#bySource.set(source, names);
    const known = names.get(exported);
    if (known !== undefined) {
      known.isType &&= isType;
      return known.local;
    }
    let local = exported;
    for (let count = 2; this.#taken.has(local); count += 1) local = `${exported}_${count}`;
    this.#taken.add(local);
    names.set(exported, { local, isType });
    return local;
  }
}

/** Sorts packages in front of relative paths. */
function rank(source: string): string {
  return `${source.startsWith('.') ? 1 : 0}${source}`;
}

function importLine(
  source: string,
  names: ReadonlyMap<string, { readonly local: string; readonly isType: boolean }>,
): string {
  const items = [...names].toSorted(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const specifiers = items.map(([exported, { local, isType }]) => {
    const renamed = local === exported ? exported : `${exported} as ${local}`;
    return isType ? `type ${renamed}` : renamed;
  });
  const line = `import { ${specifiers.join(', ')} } from '${source}';\n`;
  if (line.length <= 101) return line;
  return `import {\n${specifiers.map((text) => `  ${text},\n`).join('')}} from '${source}';\n`;
}
