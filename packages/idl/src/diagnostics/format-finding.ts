import type { Finding } from './findings.js';

/**
 * Text of a finding for a terminal: `file:line:column: error: text`, the source line, a caret under
 * the column, and the hint. Ends without a line feed.
 */
export function formatFinding(finding: Finding): string {
  if (finding.line === 0) {
    const place = finding.file === '' ? '' : `${finding.file}: `;
    return `${place}error: ${finding.text}\n  hint: ${finding.hint}`;
  }
  const place = `${finding.file}:${finding.line}:${finding.column}`;
  // Tabs are kept in the caret line, so that the caret stands below its character at any tab width.
  const indent = finding.lineText.slice(0, finding.column - 1).replace(/[^\t]/g, ' ');
  return [
    `${place}: error: ${finding.text}`,
    `  ${finding.lineText}`,
    `  ${indent}^`,
    `  hint: ${finding.hint}`,
  ].join('\n');
}
