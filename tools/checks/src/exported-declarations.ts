import ts from 'typescript';

/** A name that a file exports, with the places that declare it in that file. */
export interface ExportedDeclaration {
  readonly name: string;
  /** More than one for overloads and for a type and a value of one name. */
  readonly nodes: readonly ts.Node[];
}

/** Lists what a file declares and exports; what it passes on from other files is left out. */
export function exportedDeclarations(source: ts.SourceFile): ExportedDeclaration[] {
  const declared = new Map<string, ts.Node[]>();
  const exported = new Set<string>();
  for (const statement of source.statements) {
    for (const [name, node] of declarationsOf(statement)) {
      declared.set(name, [...(declared.get(name) ?? []), node]);
      if (isExported(statement)) exported.add(name);
    }
    for (const name of listedNames(statement)) exported.add(name);
  }
  return [...exported].flatMap((name) => {
    const nodes = declared.get(name);
    return nodes ? [{ name, nodes }] : [];
  });
}

function declarationsOf(statement: ts.Statement): [name: string, node: ts.Node][] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((one) => [one.name.getText(), one]);
  }
  if (isNamedDeclaration(statement)) return [[statement.name?.text ?? 'default', statement]];
  return [];
}

type NamedDeclaration =
  | ts.FunctionDeclaration
  | ts.ClassDeclaration
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.EnumDeclaration
  | ts.ModuleDeclaration;

function isNamedDeclaration(statement: ts.Statement): statement is NamedDeclaration {
  return (
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement)
  );
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some((one) => one.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** The local names in `export { a, b as c }` without `from`. */
function listedNames(statement: ts.Statement): string[] {
  if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier) return [];
  const clause = statement.exportClause;
  if (!clause || !ts.isNamedExports(clause)) return [];
  return clause.elements.map((element) => (element.propertyName ?? element.name).text);
}
