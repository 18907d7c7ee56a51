import type { AuditRecord } from './audit-log.js';
import type { JournalFacts } from './stage.js';

/** What an audit log looks like as a whole. */
export interface AuditSummary {
  readonly records: number;
  /** Who wrote, and up to which number. */
  readonly sources: Readonly<Record<string, number>>;
  /** What is wrong: numbers that are missing, out of order, or there twice. */
  readonly faults: readonly string[];
}

/** Whether each source's records are there, each once, in order, up to the last one. */
export function checkAudit(records: readonly AuditRecord[], journal: JournalFacts): AuditSummary {
  const sources: Record<string, number> = {};
  const faults: string[] = [];
  for (const { source, number } of records) {
    const wanted = (sources[source] ?? 0) + 1;
    if (number !== wanted) faults.push(`${source}: number is ${number}, wanted ${wanted}`);
    sources[source] = number;
  }
  const written = sources[journal.source] ?? 0;
  if (written !== journal.lastNumber) {
    faults.push(`${journal.source}: last number is ${written}, wanted ${journal.lastNumber}`);
  }
  return { records: records.length, sources, faults };
}
