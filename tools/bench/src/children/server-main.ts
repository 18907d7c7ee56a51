import { residentBytes } from '../drive/crowd.js';
import { SUBJECTS, isSubjectName } from '../subjects/subject-table.js';
import { answerCommands } from './answer-commands.js';
import { processCpuUs, type ServerCommand, type UsageAnswer } from './commands.js';

// The process that serves one subject: `node server-main.js <subject>`.
const name = process.argv[2] ?? '';
if (!isSubjectName(name)) throw new Error(`Cannot serve: "${name}" is not a subject`);
const subject = await SUBJECTS[name].load();
const server = await subject.serve();
await answerCommands((command): UsageAnswer => {
  const { memory } = command as ServerCommand;
  return { residentBytes: memory ? residentBytes() : 0, cpuUs: processCpuUs(), p99Us: 0 };
});
await server.close();
process.exit();
