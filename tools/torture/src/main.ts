import { formatReport } from './format-report.js';
import { runTorture } from './run-torture.js';
import { emptyTortureReport } from './torture-report.js';
import { parseTortureOptions } from './torture-options.js';

const options = parseTortureOptions(process.argv.slice(2));
const report = emptyTortureReport();
const { stdout } = process;

console.log(
  `torture: ${options.kills} kills and ${options.rounds} self-kills over ${options.transport}, ` +
    `steps ${options.steps}, seed ${options.seed}, ` +
    `Node ${process.version}, ${process.platform}-${process.arch}`,
);
try {
  await runTorture(report, options, (done) => {
    if (stdout.isTTY) stdout.write(`\r${done}\u001b[K`);
  });
} catch (error) {
  report.failures.push(`the run ended: ${error instanceof Error ? error.stack : String(error)}`);
}
if (stdout.isTTY) stdout.write('\r\u001b[K');
for (const line of formatReport(report)) console.log(line);
process.exitCode = report.failures.length === 0 ? 0 : 1;
