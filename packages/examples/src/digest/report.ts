import type { FileResult } from './digest-file.js';

/** Single files that the table shows; the others are added up. */
const ROWS_MAX = 10;

/** The closing table: the largest files one by one, and all others in one row. */
export function reportTable(results: readonly FileResult[], showAll: boolean): string {
  const bySize = results.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const shown = showAll ? bySize : bySize.slice(0, ROWS_MAX);
  const rest = bySize.slice(shown.length);
  const rows = [
    ['file', 'size', 'mode', 'ms', 'GB/s', 'SHA-256 by the service', 'equal'],
    ...shown.map(row),
  ];
  if (rest.length > 0) rows.push(restRow(rest));
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const text = rows.map((cells) => formatRow(cells, widths ?? []));
  return [text[0], ...text.slice(1)].join('\n');
}

function row(result: FileResult): string[] {
  return [
    result.name,
    formatBytes(result.sizeBytes),
    result.mode,
    result.elapsedMs.toFixed(2),
    formatRate(result.sizeBytes, result.elapsedMs),
    result.sha256.slice(0, 16) + '…',
    result.isEqual ? 'yes' : 'NO',
  ];
}

function restRow(rest: readonly FileResult[]): string[] {
  const bytes = rest.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const elapsedMs = rest.reduce((sum, result) => sum + result.elapsedMs, 0);
  const equal = rest.filter(({ isEqual }) => isEqual).length;
  const sections = rest.filter(({ mode }) => mode === 'section').length;
  return [
    `${rest.length} other source files`,
    formatBytes(bytes),
    sections === 0 ? 'inline' : 'mixed',
    elapsedMs.toFixed(2),
    formatRate(bytes, elapsedMs),
    '(--all shows each)',
    equal === rest.length ? 'yes' : `NO, ${rest.length - equal} differ`,
  ];
}

function formatRow(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const width = widths[column] ?? 0;
      const isNumber = column === 1 || column === 3 || column === 4;
      return isNumber ? cell.padStart(width) : cell.padEnd(width);
    })
    .join('  ')
    .trimEnd();
}

function formatRate(bytes: number, elapsedMs: number): string {
  return (bytes / elapsedMs / 1e6).toFixed(3);
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
