import { existsSync } from 'node:fs';

import { connectPort, createPort } from '@portcall/port';
import { within } from '@portcall/testing';

import { callNumbered } from '../outcome-truth.js';
import { TARGET_NAME } from '../target-name.js';

/** Takes the name of a server that is gone and serves a client. @throws Error when it cannot be */
export async function useName(directory: string): Promise<void> {
  const server = await createPort(TARGET_NAME, {
    directory,
    onMessage: (message) => void message.reply(message.data),
  });
  try {
    const client = await connectPort(TARGET_NAME, { directory });
    const [outcome] = await callNumbered(client, [1]);
    await client.close();
    if (outcome?.told !== 'replied') throw new Error(outcome?.told);
  } finally {
    await within('the new server to close', server.close({ drainMs: 0 }));
  }
  if (existsSync(`${directory}/${TARGET_NAME}`)) throw new Error('its file is left');
}
