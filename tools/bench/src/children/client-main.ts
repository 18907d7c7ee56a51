import { runLoad } from '../drive/run-load.js';
import { SUBJECTS, isSubjectName } from '../subjects/subject-table.js';
import { answerCommands } from './answer-commands.js';
import { processCpuUs, type RunAnswer, type RunCommand } from './commands.js';

// The process that calls one subject: `node client-main.js <subject>`.
const name = process.argv[2] ?? '';
if (!isSubjectName(name)) throw new Error(`Cannot connect: "${name}" is not a subject`);
const subject = await SUBJECTS[name].load();
const driver = await subject.connect();
await answerCommands(async (command): Promise<RunAnswer> => {
  const { load, durationMs } = command as RunCommand;
  const beforeUs = processCpuUs();
  const result = await runLoad(driver, load, durationMs);
  return { ...result, cpuUs: processCpuUs() - beforeUs };
});
await driver.close();
process.exit();
