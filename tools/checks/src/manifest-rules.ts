import { moduleKind, packageOf } from './module-name.js';

import type { Finding } from './finding.js';
import type { PackageSource } from './package-source.js';
import type { WorkspacePackage } from './workspace.js';

/**
 * Compares a package.json with what `src` imports: every imported package must be a dependency
 * (also optional or peer), and each of ours among the dependencies must be imported.
 * devDependencies are for tests and build steps, and are not compared.
 */
export function checkManifestRules(
  owner: WorkspacePackage,
  sources: readonly PackageSource[],
): Finding[] {
  const file = `${owner.folder}/package.json`;
  const { dependencies, optionalDependencies, peerDependencies } = owner.manifest;
  const declared = new Set(
    Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }),
  );
  const imported = importedPackages(sources);
  imported.delete(owner.name);
  const missing = [...imported]
    .filter((name) => !declared.has(name))
    .map((name) => ({ file, text: `does not list ${name}, which src imports` }));
  const unused = [...declared]
    .filter((name) => moduleKind(name) === 'ours' && !imported.has(name))
    .map((name) => ({ file, text: `lists ${name}, which src does not import` }));
  return [...missing, ...unused];
}

function importedPackages(sources: readonly PackageSource[]): Set<string> {
  const names = new Set<string>();
  for (const { specifier } of sources.flatMap((source) => source.imports)) {
    const kind = moduleKind(specifier);
    if (kind === 'ours' || kind === 'npm') names.add(packageOf(specifier));
  }
  return names;
}
