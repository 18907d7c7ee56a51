import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { formatFinding, type CheckResult } from './finding.js';

/**
 * Tells whether the module with this `import.meta.url` is the program that node was started with.
 */
export function isProgram(moduleUrl: string): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(moduleUrl);
}

/**
 * Runs a check as a program: prints each finding and a last line with the totals, and sets the exit
 * code to 1 when there are findings.
 */
export async function runCheck(
  name: string,
  check: () => CheckResult | Promise<CheckResult>,
): Promise<void> {
  const { checked, items, findings } = await check();
  for (const finding of findings) console.log(formatFinding(finding));
  console.log(`${name}: ${checked} ${items} checked, ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
