import { FRAME_TYPE } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import {
  HANDSHAKE_STATES,
  HandshakeState,
  type HandshakeEvent,
  type HandshakeStateName,
} from './handshake-states.js';

const { ACCEPT, CONNECT_REQUEST, REJECT } = FRAME_TYPE;

/** docs/PROTOCOL.md 2.1, as literals: every row up to OPEN that does not just end. */
const ROWS: readonly (readonly [
  'server' | 'client',
  HandshakeStateName,
  HandshakeEvent,
  HandshakeStateName,
  number | undefined,
])[] = [
  ['server', 'NEW', 'request', 'ASKED', undefined],
  ['server', 'NEW', 'otherVersions', 'END', REJECT],
  ['server', 'NEW', 'busy', 'END', REJECT],
  ['server', 'ASKED', 'accept', 'OPEN', ACCEPT],
  ['server', 'ASKED', 'reject', 'END', REJECT],
  ['server', 'ASKED', 'busy', 'END', REJECT],
  ['client', 'NEW', 'ask', 'WAITING', CONNECT_REQUEST],
  ['client', 'NEW', 'rejected', 'END', undefined],
  ['client', 'WAITING', 'accepted', 'OPEN', undefined],
  ['client', 'WAITING', 'rejected', 'END', undefined],
];

const EVENTS: readonly HandshakeEvent[] = [
  'request',
  'otherVersions',
  'busy',
  'accept',
  'reject',
  'ask',
  'accepted',
  'rejected',
  'broken',
];

/** How to come to a state. */
const WAY: Readonly<Record<'server' | 'client', Partial<Record<string, HandshakeEvent[]>>>> = {
  server: { NEW: [], ASKED: ['request'], OPEN: ['request', 'accept'], END: ['broken'] },
  client: { NEW: [], WAITING: ['ask'], OPEN: ['ask', 'accepted'], END: ['broken'] },
};

describe('the table of states', () => {
  it('has these rows and no others', () => {
    const rows = Object.entries(HANDSHAKE_STATES).flatMap(([side, states]) =>
      Object.entries(states).flatMap(([name, events]) =>
        Object.entries(events as Record<string, { next: string; sends?: number }>).map(
          ([event, { next, sends }]) => [side, name, event, next, sends],
        ),
      ),
    );
    expect(rows).toEqual(ROWS);
  });

  it.each(['server', 'client'] as const)(
    'ends a %s for everything else, and says nothing',
    (side) => {
      for (const [name, way] of Object.entries(WAY[side])) {
        for (const event of EVENTS) {
          if (ROWS.some((row) => row[0] === side && row[1] === name && row[2] === event)) continue;
          const state = new HandshakeState(side);
          for (const step of way!) state.step(step);
          expect(state.name).toBe(name);
          expect([event, state.allows(event), state.step(event)]).toEqual([
            event,
            false,
            { next: 'END' },
          ]);
          expect(state.name).toBe('END');
        }
      }
    },
  );
});
