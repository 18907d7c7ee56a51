import type { AuditSummary } from './audit-check.js';
import type { Row } from './script.js';

/** The table of what happened, and what is to be said of the audit log. */
export function reportText(rows: readonly Row[], audit: AuditSummary): string {
  const cells = [
    ['', 'what happens', 'outcome', 'why, and who was seen'],
    ...rows.map((row) => [isAsExpected(row) ? '✓' : '✗', row.title, row.outcome, row.detail]),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const table = cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const sources = Object.entries(audit.sources).map(
    ([source, number]) => `  ${source.slice(0, 40)}: 1 to ${number}`,
  );
  return [
    ...table,
    '',
    `audit log: ${audit.records} records`,
    ...sources,
    audit.faults.length === 0 ? '  none missing, none twice' : `  ${audit.faults.join('\n  ')}`,
  ].join('\n');
}

/** Whether a step went as it should. */
export function isAsExpected({ outcome, expected }: Row): boolean {
  return outcome === expected;
}
