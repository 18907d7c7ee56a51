/*
 * The floors of docs/ARCHITECTURE.md, enforced. For every package below packages/, every non-test
 * file of its `src` (types included; see module-imports.ts for what counts as an import):
 *
 * - ours: only the packages that its row names. `any` allows everything, npm and `node:` as well.
 *   `@portcall/testing` is allowed to tests only, whatever the row says.
 * - npm packages: only those that the row names under "others".
 * - `node:` modules: all of them, with two exceptions. A row that names some `node:` modules allows
 *   only those (and their submodules: `node:fs` covers `node:fs/promises`). `wire`, and any row
 *   that begins with "nothing", allows none.
 * - paths: none that leaves the package, none to its own index or to a test, no import of itself by
 *   name, nothing of another package that its `exports` do not list.
 * - no import cycles, no default export, no star in an index.ts.
 * - package.json: lists what `src` imports; lists none of ours that `src` does not import.
 *
 * A package without a row is a finding. Rows for packages that do not exist yet are fine.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkFileRules } from './file-rules.js';
import { checkFloorRules } from './floor-rules.js';
import { readFloorTable, type Floor } from './floor-table.js';
import { checkImportCycles } from './import-cycles.js';
import { checkManifestRules } from './manifest-rules.js';
import { readPackageSources } from './package-source.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { isProgram, runCheck } from './run-check.js';
import { listPackages } from './workspace.js';

import type { CheckResult, Finding } from './finding.js';

const TABLE_FILE = 'docs/ARCHITECTURE.md';

/** Checks every package of the repository at `root` against the table of floors. */
export function checkFloors(root: string): CheckResult {
  const findings: Finding[] = [];
  const floors = readFloors(root, findings);
  const packages = listPackages(root);
  let checked = 0;
  for (const owner of packages) {
    const sources = readPackageSources(root, owner);
    checked += sources.length;
    const floor = floors?.get(owner.shortName);
    if (floors && !floor) {
      findings.push({ file: TABLE_FILE, text: `has no row for ${owner.shortName}` });
    }
    for (const source of sources) {
      if (floor) findings.push(...checkFloorRules(source, { owner, floor, packages }));
      findings.push(...checkFileRules(source, owner));
    }
    findings.push(...checkImportCycles(sources), ...checkManifestRules(owner, sources));
  }
  return { checked, items: 'files', findings };
}

/** Without a table, that is one finding, and the rules that do not need it are still checked. */
function readFloors(root: string, findings: Finding[]): Map<string, Floor> | undefined {
  const path = join(root, TABLE_FILE);
  try {
    if (!existsSync(path)) throw new Error('Cannot read the table of floors: no such file');
    return readFloorTable(readFileSync(path, 'utf8'));
  } catch (error) {
    findings.push({ file: TABLE_FILE, text: error instanceof Error ? error.message : 'unread' });
    return undefined;
  }
}

if (isProgram(import.meta.url)) await runCheck('floors', () => checkFloors(REPOSITORY_ROOT));
