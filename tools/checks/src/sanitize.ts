/*
 * `npm run sanitize -- [address|thread] [part of a test file's path …]`: the tests of the addon, or
 * those named, with the addon under AddressSanitizer and UBSan, or under ThreadSanitizer.
 */
import { describeSkipped } from './gate-steps.js';
import { runSanitized } from './sanitizer-run.js';
import { formatTotals } from './test-report.js';

const [set = 'address', ...filters] = process.argv.slice(2);
if (set !== 'address' && set !== 'thread') {
  console.error(`Cannot sanitize: set is "${set}", wanted address or thread`);
  process.exit(2);
}
const { report, output } = await runSanitized(set, filters.length === 0 ? undefined : filters);
if (report.failed > 0) console.log(output.trimEnd());
for (const line of describeSkipped(report)) console.log(line);
console.log(formatTotals(report));
process.exitCode = report.failed === 0 ? 0 : 1;
