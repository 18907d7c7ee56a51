import ts from 'typescript';

import { hasDocstring } from './docstring.js';

/** The interfaces of the repository, by name: which of their members have a docstring. */
export class InterfaceDocs {
  readonly #documented = new Map<string, Set<string>>();
  readonly #parents = new Map<string, string[]>();

  /**
   * Takes in the interfaces of one file. Two of one name, in different files, are taken as one:
   * names are not resolved here.
   */
  add(source: ts.SourceFile): void {
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement)) continue;
      const name = statement.name.text;
      const members = statement.members
        .filter(hasDocstring)
        .map((one) => one.name?.getText() ?? '');
      this.#documented.set(name, new Set([...(this.#documented.get(name) ?? []), ...members]));
      const parents = heritage(statement, ts.SyntaxKind.ExtendsKeyword);
      this.#parents.set(name, [...(this.#parents.get(name) ?? []), ...parents]);
    }
  }

  /** Gives the members of a class that an interface it implements documents. */
  inheritedBy(node: ts.ClassLikeDeclaration): Set<string> {
    const members = new Set<string>();
    const seen = new Set<string>();
    const pending = heritage(node, ts.SyntaxKind.ImplementsKeyword);
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const member of this.#documented.get(name) ?? []) members.add(member);
      pending.push(...(this.#parents.get(name) ?? []));
    }
    return members;
  }
}

function heritage(
  node: ts.ClassLikeDeclaration | ts.InterfaceDeclaration,
  keyword: ts.SyntaxKind,
): string[] {
  const clauses: readonly ts.HeritageClause[] = node.heritageClauses ?? [];
  return clauses
    .filter((clause) => clause.token === keyword)
    .flatMap((clause) => clause.types.map((type) => type.expression.getText()));
}
