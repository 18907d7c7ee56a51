import { resolveSpecifier } from './file-rules.js';
import { moduleKind } from './module-name.js';

import type { Finding } from './finding.js';
import type { PackageSource } from './package-source.js';

/**
 * Finds the import cycles between the files of one package, imports of types included. Each import
 * that closes a circle on the walk is one finding, with the whole circle in its text.
 */
export function checkImportCycles(sources: readonly PackageSource[]): Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const finished = new Set<string>();
  const findings: Finding[] = [];
  const walk = (source: PackageSource, trail: readonly string[]): void => {
    const path = [...trail, source.path];
    for (const { specifier, line } of source.imports) {
      if (moduleKind(specifier) !== 'file') continue;
      const target = resolveSpecifier(source.path, specifier);
      const start = path.indexOf(target);
      if (start >= 0) findings.push({ file: source.path, line, text: circle(path.slice(start)) });
      const next = byPath.get(target);
      if (start < 0 && next && !finished.has(target)) walk(next, path);
    }
    finished.add(source.path);
  };
  for (const source of sources) if (!finished.has(source.path)) walk(source, []);
  return findings;
}

function circle(paths: readonly string[]): string {
  const names = [...paths, ...paths.slice(0, 1)].map((path) => path.replace(/^.*\/src\//, ''));
  return `closes an import cycle: ${names.join(' -> ')}`;
}
