import { builtinName, moduleKind, packageOf } from './module-name.js';
import { shortName, type Manifest, type WorkspacePackage } from './workspace.js';

import type { Finding } from './finding.js';
import type { Floor } from './floor-table.js';
import type { PackageSource } from './package-source.js';

/** The package that imports, its row, and every package that it could import. */
export interface FloorScope {
  readonly owner: WorkspacePackage;
  readonly floor: Floor;
  readonly packages: readonly WorkspacePackage[];
}

/** Finds the imports of one file that the table of floors or a package's `exports` do not allow. */
export function checkFloorRules(source: PackageSource, scope: FloorScope): Finding[] {
  const findings: Finding[] = [];
  for (const { specifier, line } of source.imports) {
    const text = violation(specifier, scope);
    if (text !== undefined) findings.push({ file: source.path, line, text });
  }
  return findings;
}

function violation(specifier: string, scope: FloorScope): string | undefined {
  const kind = moduleKind(specifier);
  if (kind === 'ours') return ourViolation(specifier, scope);
  const { floor, owner } = scope;
  const refused = `which the table does not allow ${owner.shortName}`;
  if (floor.ours === 'any') return undefined;
  if (kind === 'builtin' && !allowsBuiltin(floor, builtinName(specifier))) {
    return `imports ${builtinName(specifier)}, ${refused}`;
  }
  if (kind === 'npm' && !floor.others.has(packageOf(specifier))) {
    return `imports the npm package ${packageOf(specifier)}, ${refused}`;
  }
  return undefined;
}

function ourViolation(specifier: string, scope: FloorScope): string | undefined {
  const { floor, owner, packages } = scope;
  const name = packageOf(specifier);
  if (name === owner.name) return `imports its own package by name, want the file itself`;
  if (name === '@portcall/testing') return `imports ${name}, which only tests may`;
  if (floor.ours !== 'any' && !floor.ours.has(shortName(name))) {
    return `imports ${name}, which the table does not allow ${owner.shortName}`;
  }
  const target = packages.find((one) => one.name === name);
  if (target === undefined) return `imports ${name}, which is no package of this repository`;
  if (!exportsPath(target.manifest, `.${specifier.slice(name.length)}`)) {
    return `imports ${specifier}, which the exports of ${name} do not list`;
  }
  return undefined;
}

function allowsBuiltin(floor: Floor, name: string): boolean {
  if (floor.builtins === 'any' || floor.builtins.has(name)) return true;
  return floor.builtins.has(name.split('/')[0] ?? name);
}

function exportsPath(manifest: Manifest, path: string): boolean {
  if (typeof manifest.exports !== 'object') return path === '.';
  return Object.keys(manifest.exports).some((key) => {
    const [before = '', after] = key.split('*');
    return after === undefined ? key === path : path.startsWith(before) && path.endsWith(after);
  });
}
