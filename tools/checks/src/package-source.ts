import { scanImports, type ModuleImport } from './module-imports.js';
import { parseSource } from './source-file.js';
import { isSource, isTest, listFiles, type WorkspacePackage } from './workspace.js';

import type ts from 'typescript';

/** One non-test file of a package's `src`, parsed, with the modules that it names. */
export interface PackageSource {
  /** Path from the repository's root. */
  readonly path: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly ModuleImport[];
}

/** Reads every non-test source file of a package's `src`, the generated ones too. */
export function readPackageSources(root: string, owner: WorkspacePackage): PackageSource[] {
  return listFiles(root, `${owner.folder}/src`)
    .filter((path) => isSource(path) && !isTest(path))
    .map((path) => {
      const tree = parseSource(root, path);
      return { path, tree, imports: scanImports(tree) };
    });
}
