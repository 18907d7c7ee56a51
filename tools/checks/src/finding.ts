/** One violation: where it is and what is wrong with it. */
export interface Finding {
  /** Path from the repository's root. */
  readonly file: string;
  /** Counted from 1; absent when the finding is about the whole file. */
  readonly line?: number;
  /** What was found and what was wanted, no full stop. */
  readonly text: string;
}

/** What a check hands back: how much it looked at, and everything that is wrong. */
export interface CheckResult {
  /** Number of items looked at. */
  readonly checked: number;
  /** What these items are, in the plural: `files`, `blocks`. */
  readonly items: string;
  /** Empty when all is well. */
  readonly findings: readonly Finding[];
}

/** Writes a finding in the form that editors and terminals make clickable. */
export function formatFinding(finding: Finding): string {
  const place = finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`;
  return `${place}: ${finding.text}`;
}
