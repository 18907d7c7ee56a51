/*
 * Threat: one client sends more, or longer, than all others together. They must not wait for it
 * longer than its quantum.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FairInbox, type FairSource } from './fair-inbox.js';
import type { PortMessage } from './port-end.js';

const QUANTUM_MESSAGES = 32;
const QUANTUM_BYTES = 64 * 1024;

/** What a test needs to know of a message; the inbox never looks into one. */
interface Numbered {
  readonly from: string;
  readonly number: number;
  readonly bytes: number;
}

class Source implements FairSource {
  readonly name: string;
  readonly #lengths: number[];
  #taken = 0;

  constructor(name: string, lengths: readonly number[]) {
    this.name = name;
    this.#lengths = [...lengths];
  }

  get left(): number {
    return this.#lengths.length;
  }

  add(bytes: number): void {
    this.#lengths.push(bytes);
  }

  peekBytes(): number | undefined {
    return this.#lengths[0];
  }

  shift(): PortMessage | undefined {
    const bytes = this.#lengths.shift();
    if (bytes === undefined) return undefined;
    const message: Numbered = { from: this.name, number: this.#taken++, bytes };
    return message as unknown as PortMessage;
  }
}

function inboxOf(...sources: Source[]): FairInbox {
  const inbox = new FairInbox();
  for (const source of sources) inbox.offer(source);
  return inbox;
}

function takeAll(inbox: FairInbox): Numbered[] {
  const all: Numbered[] = [];
  for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
    all.push(next as unknown as Numbered);
  }
  return all;
}

/** Who had how many turns of how many messages: `a32 b1 a4`. */
function turnsOf(messages: readonly Numbered[]): string {
  const turns: { from: string; count: number }[] = [];
  for (const { from } of messages) {
    const last = turns.at(-1);
    if (last?.from === from) last.count++;
    else turns.push({ from, count: 1 });
  }
  return turns.map(({ from, count }) => `${from}${count}`).join(' ');
}

function times(count: number, bytes: number): number[] {
  return Array.from({ length: count }, () => bytes);
}

describe('FairInbox', () => {
  it('gives nothing when nobody has anything', () => {
    expect(new FairInbox().shift()).toBeUndefined();
    expect(inboxOf(new Source('a', [])).shift()).toBeUndefined();
  });

  it('gives each 32 messages in turn', () => {
    const inbox = inboxOf(
      new Source('a', times(70, 1)),
      new Source('b', times(40, 0)),
      new Source('c', times(2, 1)),
    );
    expect(turnsOf(takeAll(inbox))).toBe('a32 b32 c2 a32 b8 a6');
  });

  it('gives each 64 KiB in turn, when its messages are long', () => {
    const inbox = inboxOf(new Source('a', times(10, 16 * 1024)), new Source('b', times(3, 1)));
    expect(turnsOf(takeAll(inbox))).toBe('a4 b3 a6');
  });

  it('has a message that is longer than its quantum paid off in the turns after it', () => {
    const inbox = inboxOf(
      new Source('a', [5 * QUANTUM_BYTES, 1, 1]),
      new Source('b', times(400, 1)),
    );
    // One quantum was there; four are owed, and only after that are there bytes to spend.
    expect(turnsOf(takeAll(inbox))).toBe('a1 b160 a2 b240');
  });

  it('keeps the order of each connection', () => {
    const lengths = fc.array(fc.nat(200_000), { maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 4 }), (all) => {
        const sources = all.map((one, index) => new Source(`s${index}`, one));
        const taken = takeAll(inboxOf(...sources));
        sources.forEach(({ name }, index) => {
          const own = taken.filter(({ from }) => from === name);
          expect(own.map(({ bytes }) => bytes)).toEqual(all[index]);
          expect(own.map(({ number }) => number)).toEqual(own.map((_, position) => position));
        });
      }),
    );
  });

  it('makes nobody wait longer than the quanta of the others', () => {
    const lengths = fc.oneof(fc.nat(500), fc.nat(QUANTUM_BYTES), fc.nat(400_000));
    const greedy = fc.array(lengths, { minLength: 1, maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(fc.array(greedy, { minLength: 1, maxLength: 4 }), (all) => {
        const others = all.map((one, index) => new Source(`s${index}`, one));
        // Its messages are short: it never owes, so it has each of its turns.
        const modest = new Source('modest', times(200, 10));
        const taken = takeAll(inboxOf(...others, modest));
        let between: Numbered[] = [];
        let isOver = false;
        for (const message of taken) {
          if (message.from === 'modest') between = [];
          else between.push(message);
          isOver ||= message.from === 'modest' && message.number === 199;
          if (isOver) break;
          for (const { name } of others) {
            const own = between.filter(({ from }) => from === name);
            expect(own.length).toBeLessThanOrEqual(QUANTUM_MESSAGES);
            const beforeLast = own.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
            expect(beforeLast).toBeLessThan(QUANTUM_BYTES);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('over a long time gives connections that send enough the same number of bytes', () => {
    const longest = 300_000;
    const big = new Source('big', times(200, longest));
    const small = new Source('small', times(10_000, 4096));
    const taken = takeAll(inboxOf(big, small)).slice(0, 4000);
    const bytesOf = (name: string): number =>
      taken.filter(({ from }) => from === name).reduce((sum, { bytes }) => sum + bytes, 0);
    const difference = Math.abs(bytesOf('big') - bytesOf('small'));
    expect(difference).toBeLessThanOrEqual(longest + 2 * QUANTUM_BYTES);
  });

  it('takes in those who come, and those who come back, behind the others', () => {
    const first = new Source('a', times(40, 1));
    const second = new Source('b', times(1, 1));
    const inbox = inboxOf(first);
    inbox.shift();
    inbox.offer(second);
    expect(turnsOf(takeAll(inbox))).toBe('a31 b1 a8');
    second.add(1);
    first.add(1);
    inbox.offer(second);
    inbox.offer(first);
    expect(turnsOf(takeAll(inbox))).toBe('b1 a1');
  });

  it('counts a connection once, however often it is offered', () => {
    const first = new Source('a', times(96, 1));
    const second = new Source('b', times(64, 1));
    const inbox = inboxOf(first, second);
    for (let offer = 0; offer < 5; offer++) inbox.offer(first);
    expect(turnsOf(takeAll(inbox))).toBe('a32 b32 a32 b32 a32');
  });
});
