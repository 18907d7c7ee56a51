import { Crowd, residentBytes } from '../drive/crowd.js';
import { runLoad } from '../drive/run-load.js';
import { SUBJECTS, isSubjectName } from '../subjects/subject-table.js';
import { answerCommands } from './answer-commands.js';
import { processCpuUs, type ClientCommand, type RunAnswer, type UsageAnswer } from './commands.js';

// The process that calls one subject: `node client-main.js <subject>`.
const name = process.argv[2] ?? '';
if (!isSubjectName(name)) throw new Error(`Cannot connect: "${name}" is not a subject`);
const subject = await SUBJECTS[name].load();
const driver = await subject.connect();
let crowd: Crowd | undefined;
await answerCommands(async (given): Promise<RunAnswer | UsageAnswer> => {
  const command = given as ClientCommand;
  const beforeUs = processCpuUs();
  let p99Us = 0;
  switch (command.do) {
    case 'run': {
      const result = await runLoad(driver, name, command);
      return { ...result, cpuUs: processCpuUs() - beforeUs };
    }
    case 'open':
      await crowd?.close();
      crowd = await Crowd.open(subject, command.connections);
      break;
    case 'active': {
      if (crowd === undefined) throw new Error('Cannot measure: no connections were opened');
      const { active, payloadBytes } = command.load;
      p99Us = await crowd.measureP99({ active, payloadBytes, durationMs: command.durationMs });
      return { p99Us, residentBytes: 0, cpuUs: processCpuUs() };
    }
    case 'close':
      await crowd?.close();
      crowd = undefined;
      break;
    case 'usage':
      return { p99Us, residentBytes: 0, cpuUs: processCpuUs() };
  }
  return { p99Us, residentBytes: residentBytes(), cpuUs: processCpuUs() };
});
await crowd?.close();
await driver.close();
process.exit();
