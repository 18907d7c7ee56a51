/* What a quick thread of a test's port serves with; the first byte of the data says what. */
import { isMainThread, threadId } from 'node:worker_threads';

import type { PortMessage } from '@portcall/port';

import { QUICK_COMMAND } from '../quick.js';

/** Serves one message. */
export async function onMessage(message: PortMessage): Promise<void> {
  switch (message.data[0]) {
    case QUICK_COMMAND.WHO: {
      const facts = {
        isMainThread,
        threadId,
        pid: message.peer?.pid,
        context: message.port.context,
      };
      await message.reply(Buffer.from(JSON.stringify(facts)));
      return;
    }
    case QUICK_COMMAND.LATER:
      await new Promise((resolve) => setTimeout(resolve, 20));
      await message.reply(message.data);
      return;
    case QUICK_COMMAND.CALL_BACK:
      await message.reply(await message.callback(message.data.subarray(1)));
      return;
    case QUICK_COMMAND.THROW:
      throw new Error('planned failure of a quick handler');
    case QUICK_COMMAND.CRASH:
      setImmediate(() => {
        throw new Error('planned crash of a quick thread');
      });
      message.defer();
      return;
    default:
      if (message.isRequest) await message.reply(message.data);
  }
}
