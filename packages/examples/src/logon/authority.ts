// The Local Security Authority: run by main.ts as a process of its own.
import { join } from 'node:path';

import { createPort } from '@portcall/port';

import type { LogonSession } from './access.js';
import { AuditJournal } from './audit-journal.js';
import { AuthorityDesk } from './authority-desk.js';
import { MonitorLink } from './monitor-link.js';
import { UserTable } from './user-table.js';
import { PORT_ATTRIBUTES, aclOf, worldOfThisProcess } from './world.js';

const world = worldOfThisProcess();
const users = new UserTable(join(world.folder, 'users.json'));
const sessions = new Map<string, LogonSession>();
const journal = new AuditJournal();
const monitor = new MonitorLink({ world, journal, sessions: () => [...sessions.values()] });
const desk = new AuthorityDesk({ users, sessions, journal, monitor });
/** What has to be done still when the last client has gone. */
const farewells = new Set<Promise<void>>();

const port = await createPort(world.authorityPort, {
  acl: aclOf(world),
  attributes: PORT_ATTRIBUTES,
  wants: ['security', 'onBehalfOf', 'deadline'],
  onConnected(client) {
    const farewell = client.closed.then(() => desk.endSessionsOf(client.peer));
    farewells.add(farewell);
    farewell.finally(() => farewells.delete(farewell)).catch(() => undefined);
  },
  onMessage: (message) => desk.serve(message),
});

process.once('disconnect', () => void stop());
process.once('message', () => void tellJournal());
process.send?.({ kind: 'ready' });

/** For the parent, when the clients are gone: how many records there should be. */
async function tellJournal(): Promise<void> {
  await Promise.allSettled(farewells);
  const { source, lastNumber } = journal;
  process.send?.({ kind: 'journal', source, lastNumber });
}

async function stop(): Promise<void> {
  await port.close();
  await Promise.allSettled(farewells);
  await monitor.close();
}
