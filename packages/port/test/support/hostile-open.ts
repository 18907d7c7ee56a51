import type { PeerReport } from '@portcall/hostile';

import { lastOf, type HostileCase } from './hostile-world.js';

/**
 * What an attack on an open connection must come to: its end, nothing at all, a REPLY with this
 * status and nothing else, or any of these where docs/PROTOCOL.md leaves it open.
 */
export type Outcome = 'ends' | 'lives' | 'ends or lives' | number;

/** Name, the peer's lines, what they must come to, and more words of the CONNECT_REQUEST. */
export type Attack = readonly [
  name: string,
  lines: readonly string[],
  outcome: Outcome,
  asking?: string,
];

/**
 * The page says that it ends, and the implementation goes on, or ends it only when it would matter
 * to itself. To be `ends` once that is settled.
 */
export const LAX: Outcome = 'ends or lives';

const REPLY = 2;

function verdictOf(
  outcome: Outcome,
  { wantedFrame = 2, isFlip = false } = {},
): HostileCase['verdict'] {
  return (reports: readonly PeerReport[]) => {
    const lives = lastOf(reports, 'ping')?.alive === true;
    const ends = lastOf(reports, 'end')?.ended === true;
    const answer = lastOf(reports, 'frame');
    if (answer?.type !== wantedFrame) return `was not accepted: ${JSON.stringify(answer)}`;
    if (outcome === 'ends') return ends ? undefined : 'the connection goes on';
    // Who changes its own records behind its back may find that what it is told does not agree.
    const gaveUp = isFlip && lastOf(reports, 'ping')?.['violation'] !== undefined;
    if (outcome === 'ends or lives') {
      return lives || ends || gaveUp ? undefined : 'neither lives nor ends';
    }
    if (!lives) return 'the connection does not live';
    if (outcome === 'lives') return undefined;
    const reply = reports.find(({ operation, type }) => operation === 'message' && type === REPLY);
    return reply?.status === outcome ? undefined : `replied ${reply?.status}, want ${outcome}`;
  };
}

function lookAt(outcome: Outcome): readonly string[] {
  if (outcome === 'ends') return ['end'];
  if (outcome === 'lives') return ['ping'];
  if (outcome === 'ends or lives') return ['ping', 'end ms=0'];
  return ['read count=1 ms=2000', 'ping'];
}

/** Attacks on open connections to a path, as cases. */
export function casesOf(path: string, shm: 0 | 1, attacks: readonly Attack[]): HostileCase[] {
  return attacks.map(([name, lines, outcome, asking = '']) => ({
    name,
    phases: [
      [`connect path=${path}`, `frame shm=${shm} infoText=accept ${asking}`],
      ['answer'],
      lines,
      lookAt(outcome),
    ],
    isLiar: lines.some((line) => line.startsWith('flip') || line.includes('name=head')),
    verdict: verdictOf(outcome, { isFlip: lines.some((line) => line.startsWith('flip')) }),
  }));
}

/** The same against clients: slot n is a connection to the listener in slot `listeners` + n. */
export function serverCasesOf(
  listeners: number,
  shm: 0 | 1,
  attacks: readonly Attack[],
): HostileCase[] {
  return attacks.map(([name, lines, outcome, asking = ''], index) => ({
    name,
    phases: [
      [`accept from=${listeners + index}`],
      ['answer', `frame ${asking} type=2 shm=${shm}`],
      lines,
      lookAt(outcome),
    ],
    verdict: verdictOf(outcome, { wantedFrame: 1 }),
  }));
}
