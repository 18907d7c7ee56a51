/*
 * Threat: a server accepts in good order, and then sends its clients what no honest peer sends. The
 * rules for messages are the same both ways: a request that can be answered is, everything else
 * ends the connection, and the client's process and its other connections live on.
 */
import { rmSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { connectPort, type CommunicationPort, type PortMessage } from '@portcall/port';
import { transportsUnderTest, within } from '@portcall/testing';

import * as attacks from './support/hostile-message-attacks.js';
import { serverCasesOf, type Attack } from './support/hostile-open.js';
import { useHostileWorld } from './support/hostile-world.js';

const BATCH = 16;
const LISTENERS = 500;

const { headers, sequences, disagreements, ids, callbacks, credit, endings, records } = attacks;
const groups = {
  headers,
  sequences,
  disagreements,
  ids,
  callbacks,
  credit,
  endings,
  records,
};

/** Keeps requests that say hold, and echoes the others. */
async function answer(message: PortMessage): Promise<void> {
  if (!message.isRequest) return;
  if (Buffer.from(message.data).toString('latin1') === 'hold') message.defer();
  else await message.reply(message.data);
}

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`bad messages of servers ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  const connect = (slot: number, shm: 0 | 1): Promise<CommunicationPort> =>
    within(
      `client ${slot}`,
      connectPort(`s${slot}`, {
        directory: world.directory,
        transport: shm === 1 ? 'shm' : 'socket',
        onMessage: answer,
      }),
    );

  async function runBatch(batch: readonly Attack[], shm: 0 | 1): Promise<string[]> {
    const slots = batch.map((_, slot) => slot);
    const path = (slot: number): string => world.path(`s${slot}`);
    await world.peer.run(slots.map((slot) => `${LISTENERS + slot} listen path=${path(slot)}`));
    const attacking = world.attack(serverCasesOf(LISTENERS, shm, batch));
    const clients = await Promise.all(slots.map((slot) => connect(slot, shm)));
    const faults = await attacking;
    for (const client of clients) client.abort();
    await Promise.all(clients.map(({ closed }) => within('a client to end', closed)));
    await world.peer.run(slots.map((slot) => `${LISTENERS + slot} close`));
    for (const slot of slots) rmSync(path(slot));
    return faults;
  }

  for (const [carrier, shm] of [
    ['shared memory', 1],
    ['the stream', 0],
  ] as const) {
    it.each(Object.entries(groups))(`over ${carrier}: %s`, async (_, list) => {
      const faults: string[] = [];
      for (let start = 0; start < list.length; start += BATCH) {
        faults.push(...(await runBatch(list.slice(start, start + BATCH), shm)));
      }
      expect(faults).toEqual([]);
    });
  }
});
