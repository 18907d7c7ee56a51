/*
 * Threat: a process that reaches the socket of a port sends whatever it likes, in any order. Each
 * sequence of up to three stimuli in each state must leave the connection open where
 * docs/PROTOCOL.md says so, else end it, and leave nothing behind in the server: the sequences are
 * all there are, and the table is in support/hostile-stimuli.ts.
 */
import { describe, expect, it } from 'vitest';

import type { PeerReport } from '@portcall/hostile';
import { transportsUnderTest } from '@portcall/testing';

import {
  STIMULI,
  nextState,
  sequencesOf,
  type State,
  type Stimulus,
} from './support/hostile-stimuli.js';
import {
  GROUNDS,
  lastOf,
  useHostileWorld,
  type Ground,
  type HostileCase,
} from './support/hostile-world.js';

/** How the stimuli of a sequence follow each other. */
type Pace = 'in one piece' | 'one by one';

/** Half-done handshakes must outlive the test's look at them. */
const HANDSHAKE_MS = 20_000;

/** Without an end there is none yet: longer waits find no more, and thousands of them take long. */
const LOOK_MS = 2;

function verdictOf(state: State): HostileCase['verdict'] {
  return (reports: readonly PeerReport[]) => {
    const end = lastOf(reports, 'end')?.ended;
    if (state === 'OPEN' && lastOf(reports, 'ping')?.alive !== true) return 'is not open';
    if (state === 'END' && end !== true) return 'goes on';
    if (['NEW', 'PART', 'ASKED', 'PIECE'].includes(state) && end !== false)
      return `ended in ${state}`;
    return undefined;
  };
}

/** What the peer looks at when all is sent. */
function lookAt(state: State): readonly string[] {
  if (state === 'OPEN') return ['ping'];
  if (state === 'END') return ['end'];
  return ['drain ms=300', `end ms=${LOOK_MS}`];
}

function openingOf(start: State, ground: Ground): readonly (readonly string[])[] {
  const connect = (path: string): string => `connect path=${path}`;
  if (start === 'NEW') return [[connect('PATH')]];
  const wish = start === 'ASKED' ? 'defer' : 'accept';
  const asking = [connect('PATH'), `frame shm=${ground.shm} ring=4096 infoText=${wish}`];
  return [asking, start === 'ASKED' ? ['drain'] : ['answer']];
}

/** A sequence as a case; in NEW the server defers what comes in one piece, else accepts. */
function caseOf(
  start: State,
  sequence: readonly Stimulus[],
  ground: Ground,
  pace: Pace,
): HostileCase {
  const wish = pace === 'in one piece' ? 'defer-' : 'accept';
  const acting: string[][] = [];
  let state = start;
  for (const stimulus of sequence) {
    const lines = stimulus.lines(ground.shm, wish);
    state = nextState(state, stimulus, ground);
    if (pace === 'in one piece') {
      acting.push([...lines]);
    } else if (state === 'ASKED' && stimulus.isAnswered) {
      acting.push([...lines, 'answer']);
      state = 'OPEN';
    } else {
      acting.push([...lines, 'drain ms=300']);
    }
  }
  const sent = pace === 'in one piece' ? [['cork', ...acting.flat(), 'uncork']] : acting;
  return {
    name: `${start}, ${pace}: ${sequence.map(({ name }) => name).join(' + ')}`,
    phases: [...openingOf(start, ground), ...sent, lookAt(state)],
    verdict: verdictOf(state),
  };
}

/** Whether the connection lives, or may live, when the last of them is sent. */
function livesUntilLast(start: State, sequence: readonly Stimulus[], ground: Ground): boolean {
  let state = start;
  for (const stimulus of sequence) {
    if (state === 'END' || (state === 'EITHER' && start === 'NEW')) return false;
    state = nextState(state, stimulus, ground);
    if (state === 'ASKED' && stimulus.isAnswered) state = 'OPEN';
  }
  return true;
}

/**
 * What follows the end finds no connection any more. One by one it says nothing new; in one piece
 * it lies in the same read, which singles and pairs try everywhere. Everything else is tried when
 * the variable PORTCALL_HOSTILE is `all`: it takes minutes.
 */
function isTried(start: State, sequence: readonly Stimulus[], ground: Ground, pace: Pace): boolean {
  const lives = livesUntilLast(start, sequence, ground);
  if (process.env['PORTCALL_HOSTILE'] === 'all') return lives || pace === 'in one piece';
  if (pace === 'one by one') return lives && (sequence.length < 3 || start === 'NEW');
  return lives || sequence.length < 3;
}

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;
/** Prints what it tried. */
const IS_COUNTING = process.env['PORTCALL_HOSTILE_COUNT'] !== undefined;

describe.skipIf(reason !== undefined)(`every sequence of stimuli ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  for (const ground of GROUNDS) {
    for (const start of ['NEW', 'ASKED', 'OPEN'] as const) {
      it.each(['in one piece', 'one by one'] as const)(
        `in ${start} over ${ground.name}, %s`,
        async (pace) => {
          await world.serve({
            transport: ground.server,
            ringBytes: 4096,
            attributes: { handshakeTimeoutMs: HANDSHAKE_MS, maxPendingConnects: 100 },
          });
          const sequences = sequencesOf(STIMULI, 3).filter((sequence) => {
            return isTried(start, sequence, ground, pace);
          });
          const cases = sequences.map((sequence) => {
            const { phases, ...rest } = caseOf(start, sequence, ground, pace);
            const atPath = (line: string): string => line.replace('PATH', world.path());
            return { ...rest, phases: phases.map((lines) => lines.map(atPath)) };
          });
          const startedAt = performance.now();
          const faults = await world.attack(cases);
          const ms = Math.round(performance.now() - startedAt);
          if (IS_COUNTING) console.log(start, ground.name, pace, cases.length, ms);
          expect(faults).toEqual([]);
          await world.expectHealthy();
        },
        120_000,
      );
    }
  }
});
