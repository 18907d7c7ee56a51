import { isBuiltin } from 'node:module';

/** What one row of the table of floors allows a package to import. */
export interface Floor {
  /** Short names of our packages; `any` lifts every limit of the row. */
  readonly ours: ReadonlySet<string> | 'any';
  /** Names of npm packages. */
  readonly others: ReadonlySet<string>;
  /** `any`, or exactly these `node:` modules with their submodules; empty allows none. */
  readonly builtins: ReadonlySet<string> | 'any';
}

const PACKAGE_NAME = /^(@[a-z0-9-]+\/)?[a-z0-9][a-z0-9._-]*$/;

/**
 * Reads the table "package | may import (ours) | may import (others) | must never" out of a
 * Markdown text. Notes in parentheses are dropped, backticks too. In "ours", `any` and `all of the
 * above` are understood, and a row may name only packages of the rows above it, which keeps the
 * table free of cycles. In "others", whatever is no name of a module is taken as prose and allows
 * nothing.
 *
 * Errors: Error when there is no such table, or when a row names a package that has no row above.
 */
export function readFloorTable(markdown: string): Map<string, Floor> {
  const lines = markdown.split('\n');
  const header = lines.findIndex((line) => /^\|\s*package\s*\|\s*may import \(ours\)/.test(line));
  if (header < 0) throw new Error('Cannot find the table "package | may import (ours) | …"');
  const floors = new Map<string, Floor>();
  for (const line of lines.slice(header + 2)) {
    if (!line.startsWith('|')) break;
    const [names = '', ours = '', others = ''] = line.slice(1).split('|');
    const floor = readRow(ours, others, floors);
    for (const name of readNames(names)) {
      floors.set(name, name === 'wire' ? { ...floor, builtins: new Set() } : floor);
    }
  }
  return floors;
}

function readRow(ours: string, others: string, above: ReadonlyMap<string, Floor>): Floor {
  const names = readNames(others);
  const modules = names.filter((name) => name.startsWith('node:') && isBuiltin(name));
  const forbidden = names.some((name) => name.startsWith('nothing'));
  return {
    ours: readOurs(ours, above),
    others: new Set(names.filter((name) => PACKAGE_NAME.test(name) && name !== 'nothing')),
    builtins: forbidden || modules.length > 0 ? new Set(modules) : 'any',
  };
}

function readOurs(cell: string, above: ReadonlyMap<string, Floor>): Floor['ours'] {
  const names = readNames(cell);
  if (names.includes('any')) return 'any';
  if (names.includes('all of the above')) return new Set(above.keys());
  const unknown = names.find((name) => !above.has(name));
  if (unknown !== undefined) {
    throw new Error(`Cannot read the table of floors: no row above for "${unknown}"`);
  }
  return new Set(names);
}

/** Splits a cell at its commas; an empty cell, or a dash in it, names nothing. */
function readNames(cell: string): string[] {
  return cell
    .replace(/\([^)]*\)/g, '')
    .split(',')
    .map((name) => name.replaceAll('`', '').trim())
    .filter((name) => !/^[-–—]?$/.test(name));
}
