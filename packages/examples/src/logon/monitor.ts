// The Security Reference Monitor: run by main.ts as a process of its own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { createPort, isPortError, type Acl, type PortMessage } from '@portcall/port';

import { objectTable } from './access.js';
import { AuditLog } from './audit-log.js';
import { MonitorDesk } from './monitor-desk.js';
import { ReferenceMonitor } from './reference-monitor.js';
import { PORT_ATTRIBUTES, aclOf, worldOfThisProcess } from './world.js';

const world = worldOfThisProcess();

/**
 * A program installed for the purpose would be named by `exe` alone. Here all run the same Node, so
 * the script is looked at too: that tells processes of one user apart, and is no wall between them.
 */
const authority: Acl = [
  {
    action: 'allow',
    ...world.server,
    exe: process.execPath,
    predicate: ({ pid }) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/authority.js\0'),
  },
];

using log = new AuditLog(join(world.folder, 'audit.jsonl'));
const monitor = new ReferenceMonitor(objectTable(world.client));
const desk = new MonitorDesk({
  monitor,
  log,
  folder: join(world.folder, 'attachments'),
  authority,
});

const port = await createPort(world.monitorPort, {
  acl: aclOf(world),
  attributes: PORT_ATTRIBUTES,
  wants: ['token', 'onBehalfOf', 'handle', 'view'],
});
process.once('disconnect', () => void port.close());
process.send?.({ kind: 'ready' });

// #region loop
// One message at a time, as the servers of NT's LPC do: what is decided never changes half-way.
for await (const message of port) {
  try {
    const reply = desk.answer(message);
    if (message.isRequest) await message.reply(reply);
  } catch (error) {
    await refuse(message, error);
  } finally {
    message.release();
  }
}
// #endregion

async function refuse(message: PortMessage, error: unknown): Promise<void> {
  if (!isPortError(error)) throw error;
  if (message.isRequest) await message.fail(error.code, error.message);
}
