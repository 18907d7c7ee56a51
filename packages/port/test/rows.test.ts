/* Every row of what a port promises has named tests: `port <row>, <subject>` in their titles. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const FOLDERS = ['.', '../../testing/src/port'].map((path) => {
  return fileURLToPath(new URL(`${path}/`, import.meta.url));
});

const SOURCES = FOLDERS.flatMap((folder) => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  return files.map((file) => readFileSync(`${folder}${file}`, 'utf8'));
});

/** Rows of the port's requirements: names, ownership, attributes … close and observability. */
const ROWS = Array.from({ length: 20 }, (_, index) => index + 1);

describe('the suites', () => {
  it.each(ROWS)('name the tests of row %i', (row) => {
    const title = new RegExp(`[\`'"]port ${row}, \\w`);
    expect(SOURCES.some((source) => title.test(source))).toBe(true);
  });
});
