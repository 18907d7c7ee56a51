import type { Finding } from './findings.js';
import { formatFinding } from './format-finding.js';

/**
 * Thrown by `generate` and `check` when the input has errors; nothing has been written then.
 * `message` holds all findings as the command prints them.
 */
export class IdlError extends Error {
  override readonly name = 'IdlError';
  /** All findings, in order of file, line and column. Never empty. */
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(findings.map(formatFinding).join('\n\n'));
    this.findings = findings;
  }
}
