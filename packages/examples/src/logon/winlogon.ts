// Winlogon, the client: run by main.ts as a process of its own.
import { isPortError } from '@portcall/port';

import { Keyboard } from './keyboard.js';
import { WinlogonDesk, connectServer } from './winlogon-desk.js';
import type { FromWinlogon, Step, StepResult, ToWinlogon } from './winlogon-messages.js';
import { worldOfThisProcess } from './world.js';

const world = worldOfThisProcess();
const authority = await connectServer(world.authorityPort, world);
const keyboard = new Keyboard((prompt) => tell({ kind: 'prompt', prompt }));
const desk = new WinlogonDesk(world, authority, keyboard);

process.on('message', (message: ToWinlogon) => {
  if (message.kind === 'answer') keyboard.typed(message.text);
  else void run(message.step).then((result) => tell({ kind: 'done', result }));
});
process.once('disconnect', () => void authority.close());
tell({ kind: 'ready' });

async function run(step: Step): Promise<StepResult> {
  try {
    return await desk.run(step);
  } catch (error) {
    if (!isPortError(error)) throw error;
    const outcome = error.code === 'ACCESS_DENIED' ? 'denied' : error.code;
    return { outcome, detail: error.message };
  }
}

function tell(message: FromWinlogon): void {
  process.send?.(message);
}
