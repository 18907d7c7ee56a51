import { SUBJECTS, isSubjectName } from '../subjects/subject-table.js';
import type { StartReport } from '../drive/start.js';

// A fresh process that makes one call: `node start-main.js <subject>`. Prints a StartReport.
const name = process.argv[2] ?? '';
if (!isSubjectName(name)) throw new Error(`Cannot start: "${name}" is not a subject`);
const beforeImportMs = performance.now();
const subject = await SUBJECTS[name].load();
const importedMs = performance.now();
const driver = await subject.connect();
const payload = Buffer.alloc(64, 7);
const reply = await driver.call({ id: 1, payload });
const report: StartReport = {
  importMs: importedMs - beforeImportMs,
  firstReplyMs: performance.now() - importedMs,
};
if (Buffer.compare(driver.payloadOf(reply), payload) !== 0) throw new Error('The reply is wrong');
process.stdout.write(JSON.stringify(report), () => process.exit());
