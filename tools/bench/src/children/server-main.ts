import { SUBJECTS, isSubjectName } from '../subjects/subject-table.js';
import { answerCommands } from './answer-commands.js';
import { processCpuUs, type CpuAnswer } from './commands.js';

// The process that serves one subject: `node server-main.js <subject>`.
const name = process.argv[2] ?? '';
if (!isSubjectName(name)) throw new Error(`Cannot serve: "${name}" is not a subject`);
const subject = await SUBJECTS[name].load();
const server = await subject.serve();
await answerCommands((): CpuAnswer => ({ cpuUs: processCpuUs() }));
await server.close();
process.exit();
