/*
 * The limits of docs/CONVENTIONS.md, for everything below packages/ and tools/:
 *
 * - a source file (.ts, .js, .c, .h) has at most 400 code lines, a test 500; blank lines and lines
 *   of comments alone do not count;
 * - a function has at most 60 code lines and at most 4 parameters (function-rules.ts);
 * - a line of a .ts file has at most 100 columns (line-widths.ts).
 *
 * Not looked at: folders named gen, golden, dist, fixtures and node_modules.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { codeLines, countCodeLinesC } from './code-lines.js';
import { checkFunctions } from './function-rules.js';
import { checkLineWidths } from './line-widths.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { isProgram, runCheck } from './run-check.js';
import { parseText } from './source-file.js';
import { hasFolder, isSource, isTest, listFiles } from './workspace.js';

import type { CheckResult, Finding } from './finding.js';

const FILE_LINES_MAX = 400;
const TEST_LINES_MAX = 500;
const EXEMPT_FOLDERS = ['gen', 'golden', 'fixtures'];

/** Checks the sizes of every source file of the repository at `root`. */
export function checkSizes(root: string): CheckResult {
  const paths = ['packages', 'tools']
    .flatMap((folder) => listFiles(root, folder))
    .filter((path) => isSource(path) || /\.[ch]$/.test(path))
    .filter((path) => !EXEMPT_FOLDERS.some((name) => hasFolder(path, name)));
  const findings = paths.flatMap((path) => checkFile(path, readFileSync(join(root, path), 'utf8')));
  return { checked: paths.length, items: 'files', findings };
}

function checkFile(path: string, text: string): Finding[] {
  if (!isSource(path)) return checkLength(path, countCodeLinesC(text));
  const source = parseText(path, text);
  const findings = checkLength(path, codeLines(source).size);
  findings.push(...checkFunctions(path, source));
  if (/\.[cm]?tsx?$/.test(path)) findings.push(...checkLineWidths(path, source));
  return findings;
}

function checkLength(file: string, lines: number): Finding[] {
  const limit = isTest(file) ? TEST_LINES_MAX : FILE_LINES_MAX;
  return lines <= limit ? [] : [{ file, text: `has ${lines} code lines, limit is ${limit}` }];
}

if (isProgram(import.meta.url)) await runCheck('sizes', () => checkSizes(REPOSITORY_ROOT));
