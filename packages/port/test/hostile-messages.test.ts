/*
 * Threat: the other end of an open connection sends messages that no honest peer sends: headers
 * that disagree, ids that are taken, answers to nothing, credit it does not have. A request that
 * can be answered is; everything else ends this connection, no other, and nothing stays.
 */
import { describe, expect, it } from 'vitest';

import type { CommunicationPort, PortMessage } from '@portcall/port';
import { transportsUnderTest } from '@portcall/testing';

import {
  callbacks,
  credit,
  creditForFour,
  disagreements,
  endings,
  headers,
  ids,
  lengths,
  records,
  sequences,
  untaken,
} from './support/hostile-message-attacks.js';
import { casesOf, type Attack } from './support/hostile-open.js';
import { GROUNDS, useHostileWorld } from './support/hostile-world.js';

const QUOTA_EXCEEDED = 12;
const SERVER_FAULT = 16;

const ATTRIBUTES = [
  'security',
  'handle',
  'direct',
  'workOnBehalf',
  'onBehalfOf',
  'deadline',
] as const;

/** Goes down `times` callbacks, each within the one before. */
function callbacksWithin(times: number): string[] {
  const down = ['message cb=last dataText=nest', 'read'];
  return ['message dataText=nest', 'read', ...Array.from({ length: times }, () => down).flat()];
}

const REQUEST = 1;
const REPLY = 2;

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

/** Keeps requests that say hold, calls back those that say nest, and echoes the others. */
function answerAsAsked(held: PortMessage[]): (message: PortMessage) => void | Promise<void> {
  return async (message) => {
    if (!message.isRequest) return;
    const wish = Buffer.from(message.data).toString('latin1');
    if (wish === 'hold') {
      message.defer();
      held.push(message);
    } else if (wish === 'nest') {
      await message.reply(await message.callback(Buffer.from('nest')));
    } else {
      await message.reply(message.data);
    }
  };
}

describe.skipIf(reason !== undefined)(`bad messages ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  const groups = {
    headers,
    sequences,
    unwanted: disagreements,
    disagreements,
    lengths,
    ids,
    callbacks,
    credit,
    endings,
    records,
  };

  for (const ground of GROUNDS) {
    const { server: transport, shm } = ground;

    it.each(Object.entries(groups))(`over ${ground.name}: %s`, async (name, attacks) => {
      const wants = name === 'disagreements' ? ATTRIBUTES : [];
      const held: PortMessage[] = [];
      await world.serve({ transport, wants, onMessage: answerAsAsked(held) });
      const faults = await world.attack(casesOf(world.path(), shm, attacks));
      expect(faults).toEqual([]);
      await world.expectHealthy();
    });

    it(`over ${ground.name}: credit for what came`, async () => {
      const greet = (port: CommunicationPort): void => {
        for (let count = 0; count < 4; count++) void port.send(new Uint8Array(10)).catch(() => {});
      };
      await world.serve({ transport, onConnected: greet });
      const attacks = creditForFour.map(([name, lines, outcome]): Attack => {
        return [name, ['read count=4', ...lines], outcome];
      });
      expect(await world.attack(casesOf(world.path(), shm, attacks))).toEqual([]);
    });

    it(`over ${ground.name}: more than the server takes`, async () => {
      await world.serve({ transport, onMessage: undefined });
      expect(await world.attack(casesOf(world.path(), shm, untaken))).toEqual([]);
    });

    it(`over ${ground.name}: callbacks within callbacks, 32 deep and deeper`, async () => {
      await world.serve({ transport, onMessage: answerAsAsked([]) });
      const lines = [...callbacksWithin(20), 'ping', 'goodbye'];
      const opening = [
        `connect path=${world.path()}`,
        `frame shm=${shm} infoText=accept`,
        'answer',
      ];
      const reports = await world.peer.run([...opening, ...lines].map((line) => `0 ${line}`));
      const got = reports.filter(({ operation }) => operation === 'message');
      const depth = got.filter(({ type }) => type === REQUEST).length;
      expect(depth).toBe(16); // Each of ours is one deeper than its last: 1, 3, … 31.
      const refusal = got.find(({ type }) => type === REPLY);
      expect([QUOTA_EXCEEDED, SERVER_FAULT]).toContain(refusal?.status);
      expect(reports.find(({ operation }) => operation === 'ping')).toMatchObject({ alive: true });
      expect(reports.filter(({ violation }) => violation)).toEqual([]);
    });
  }
});
