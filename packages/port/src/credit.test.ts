/*
 * Threat: totals and messages come from another process. Whoever states impossible totals, or sends
 * without credit, ends its connection; whoever keeps the rules is never accused, and never stuck.
 */
import { PORT_ATTRIBUTE_MAX } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { ReceiveCredit, SendCredit, type CreditLimits, type CreditTotals } from './credit.js';

/** Both ends of one direction, with a wire between them that delivers when it is told to. */
class Direction {
  readonly limits: CreditLimits;
  readonly sender: SendCredit;
  readonly receiver: ReceiveCredit;
  readonly messages: number[] = [];
  readonly credits: CreditTotals[] = [];
  readonly waiting: number[] = [];
  floods = 0;

  constructor(limits: CreditLimits) {
    this.limits = limits;
    this.sender = new SendCredit(limits);
    this.receiver = new ReceiveCredit(limits);
  }

  send(bytes: number): boolean {
    if (!this.sender.isOpen) return false;
    this.sender.use(bytes);
    this.messages.push(bytes);
    return true;
  }

  arrive(): boolean {
    const bytes = this.messages.shift();
    if (bytes === undefined) return false;
    if (this.receiver.onArrived(bytes)) this.floods++;
    this.waiting.push(bytes);
    return true;
  }

  take(): boolean {
    const bytes = this.waiting.shift();
    if (bytes === undefined) return false;
    if (!this.receiver.onTaken(bytes)) return true;
    this.credits.push(this.receiver.totals);
    this.receiver.onTold();
    return true;
  }

  tell(): boolean {
    const totals = this.credits.shift();
    if (totals !== undefined) this.sender.onTaken(totals);
    return totals !== undefined;
  }

  /** Everything gets where it goes. */
  settle(): void {
    while (this.arrive() || this.take() || this.tell());
  }
}

/**
 * A message that nobody can be blocked by: more than the pool at once would be refused elsewhere.
 */
function lengthsUpTo(bytesMax: number): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(Math.min(bytesMax, 50)), fc.nat(bytesMax));
}

const anyRun = fc
  .record({
    maxQueuedMessages: fc.integer({ min: 1, max: 12 }),
    maxPoolUsage: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constant(PORT_ATTRIBUTE_MAX)),
  })
  .chain((limits) =>
    fc.tuple(
      fc.constant(limits),
      fc.array(
        fc.tuple(
          fc.constantFrom('send', 'send', 'arrive', 'take', 'tell' as const),
          lengthsUpTo(2 * limits.maxPoolUsage > PORT_ATTRIBUTE_MAX ? PORT_ATTRIBUTE_MAX : 600),
        ),
        { maxLength: 200, size: 'max' },
      ),
    ),
  );

describe('both ends together', () => {
  it('never accuse a sender that keeps to its credit, and block it only when it is full', () => {
    fc.assert(
      fc.property(anyRun, ([limits, steps]) => {
        const direction = new Direction(limits);
        for (const [step, bytes] of steps) {
          // A violation would be thrown.
          if (step === 'send') direction.send(bytes);
          else direction[step]();
          expect(direction.sender.messagesOut).toBeLessThanOrEqual(limits.maxQueuedMessages);
          const { sender, receiver, messages, credits } = direction;
          if (sender.isOpen || messages.length > 0 || credits.length > 0) continue;
          // More than half of one limit waits: what was taken beyond that has been told.
          const isFull =
            2 * receiver.messages > limits.maxQueuedMessages ||
            2 * receiver.bytes > limits.maxPoolUsage;
          expect(isFull).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('cannot get stuck: when all is taken and told, the sender may send', () => {
    fc.assert(
      fc.property(anyRun, ([limits, steps]) => {
        const direction = new Direction(limits);
        for (const [step, bytes] of steps) {
          if (step === 'send') direction.send(bytes);
          else direction[step]();
        }
        direction.settle();
        expect(direction.sender.isOpen).toBe(true);
        expect([direction.receiver.messages, direction.receiver.bytes]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });

  it('go on where the totals of bytes wrap at 2^32, many times', () => {
    const direction = new Direction({ maxQueuedMessages: 4, maxPoolUsage: PORT_ATTRIBUTE_MAX });
    let sentBytes = 0;
    for (let round = 0; round < 100; round++) {
      const bytes = round % 3 === 0 ? PORT_ATTRIBUTE_MAX : 1_000_000_007;
      expect(direction.send(bytes)).toBe(true);
      sentBytes += bytes;
      direction.settle();
      expect(direction.receiver.totals.bytes).toBe(sentBytes % 2 ** 32);
    }
    expect(sentBytes).toBeGreaterThan(20 * 2 ** 32);
  });
});

describe('SendCredit', () => {
  it('is open for fewer messages than the limit, and fewer bytes', () => {
    const credit = new SendCredit({ maxQueuedMessages: 2, maxPoolUsage: 100 });
    credit.use(99);
    expect(credit.isOpen).toBe(true);
    // The last one may go over the bytes.
    credit.use(5000);
    expect(credit.isOpen).toBe(false);
    credit.onTaken({ messages: 1, bytes: 99 });
    expect(credit.isOpen).toBe(false);
    credit.onTaken({ messages: 2, bytes: 5099 });
    expect(credit.isOpen).toBe(true);
    expect(credit.messagesOut).toBe(0);
  });

  it('takes the same totals twice', () => {
    const credit = new SendCredit({ maxQueuedMessages: 2, maxPoolUsage: 100 });
    credit.use(10);
    credit.onTaken({ messages: 1, bytes: 10 });
    credit.onTaken({ messages: 1, bytes: 10 });
    expect(credit.messagesOut).toBe(0);
  });

  it.each([
    ['more messages than were sent', { messages: 4, bytes: 20 }],
    ['more bytes than were sent', { messages: 2, bytes: 31 }],
    ['messages that go back', { messages: 0, bytes: 20 }],
    ['bytes that go back', { messages: 2, bytes: 9 }],
    ['2^32 − 1 messages', { messages: 2 ** 32 - 1, bytes: 20 }],
    ['2^32 − 1 bytes', { messages: 2, bytes: 2 ** 32 - 1 }],
  ])('throws PROTOCOL_ERROR for %s, and gives nothing', (_, totals) => {
    const credit = new SendCredit({ maxQueuedMessages: 5, maxPoolUsage: 100 });
    for (let sent = 0; sent < 3; sent++) credit.use(10);
    credit.onTaken({ messages: 1, bytes: 10 });
    expect(codeOf(() => credit.onTaken(totals))).toBe('PROTOCOL_ERROR');
    expect(credit.messagesOut).toBe(2);
  });

  it('gets no more than it used out of any totals', () => {
    const u32 = fc.nat(2 ** 32 - 1);
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ messages: fc.oneof(u32, fc.nat(8)), bytes: fc.oneof(u32, fc.nat(40)) }),
        ),
        (all) => {
          const credit = new SendCredit({ maxQueuedMessages: 5, maxPoolUsage: 100 });
          for (let sent = 0; sent < 5; sent++) credit.use(5);
          for (const totals of all) {
            const code = codeOf(() => credit.onTaken(totals));
            expect(['nothing thrown', 'PROTOCOL_ERROR']).toContain(code);
            expect(credit.messagesOut).toBeGreaterThanOrEqual(0);
            expect(credit.messagesOut).toBeLessThanOrEqual(5);
          }
        },
      ),
    );
  });
});

describe('ReceiveCredit', () => {
  it.each([
    ['message', { maxQueuedMessages: 3, maxPoolUsage: 1000 }, 1],
    ['byte', { maxQueuedMessages: 1000, maxPoolUsage: 30 }, 10],
  ])('throws PROTOCOL_ERROR for one %s more than it told of', (_, limits, bytes) => {
    const credit = new ReceiveCredit(limits);
    for (let arrived = 0; arrived < 3; arrived++) credit.onArrived(bytes);
    expect(codeOf(() => credit.onArrived(bytes))).toBe('PROTOCOL_ERROR');
    expect(credit.messages).toBe(3);
    // Taken is not told: the sender cannot know.
    for (let taken = 0; taken < 3; taken++) credit.onTaken(bytes);
    expect(codeOf(() => credit.onArrived(bytes))).toBe('PROTOCOL_ERROR');
    credit.onTold();
    expect(codeOf(() => credit.onArrived(bytes))).toBe('nothing thrown');
  });

  it('wants to tell when half of either limit was taken since it told last', () => {
    const byMessages = new ReceiveCredit({ maxQueuedMessages: 10, maxPoolUsage: 1000 });
    for (let arrived = 0; arrived < 10; arrived++) byMessages.onArrived(1);
    const due = Array.from({ length: 7 }, () => byMessages.onTaken(1));
    expect(due).toEqual([false, false, false, false, true, true, true]);
    byMessages.onTold();
    expect(byMessages.onTaken(1)).toBe(false);
    const byBytes = new ReceiveCredit({ maxQueuedMessages: 1000, maxPoolUsage: 100 });
    for (let arrived = 0; arrived < 5; arrived++) byBytes.onArrived(20);
    expect([20, 20, 20].map((bytes) => byBytes.onTaken(bytes))).toEqual([false, false, true]);
  });

  it('states totals modulo 2^32', () => {
    const credit = new ReceiveCredit({ maxQueuedMessages: 9, maxPoolUsage: PORT_ATTRIBUTE_MAX });
    for (let round = 0; round < 3; round++) {
      credit.onArrived(PORT_ATTRIBUTE_MAX);
      credit.onTaken(PORT_ATTRIBUTE_MAX);
      credit.onTold();
    }
    expect(credit.totals).toEqual({ messages: 3, bytes: 2 ** 31 - 3 });
  });

  describe('a flood', () => {
    it('is told of once, and again only after it had gone', () => {
      const direction = new Direction({ maxQueuedMessages: 100, maxPoolUsage: 1_000_000 });
      const fill = (): void => {
        while (direction.send(1) && direction.arrive());
      };
      fill();
      expect(direction.floods).toBe(1);
      // Down to more than half, and up again: still the same one.
      for (let taken = 0; taken < 49; taken++) direction.take();
      while (direction.tell());
      fill();
      expect(direction.floods).toBe(1);
      while (direction.take());
      while (direction.tell());
      fill();
      expect(direction.floods).toBe(2);
    });

    it('begins with the message that leaves less than a fifth', () => {
      const credit = new ReceiveCredit({ maxQueuedMessages: 100, maxPoolUsage: 1_000_000 });
      const floods = Array.from({ length: 100 }, () => credit.onArrived(1));
      expect(floods.indexOf(true)).toBe(80);
      expect(floods.filter(Boolean)).toHaveLength(1);
    });

    it('is one of bytes as well', () => {
      const credit = new ReceiveCredit({ maxQueuedMessages: 1000, maxPoolUsage: 1000 });
      const floods = Array.from({ length: 10 }, () => credit.onArrived(100));
      expect(floods.indexOf(true)).toBe(8);
    });

    it('is not what fits 50 messages that are short', () => {
      const credit = new ReceiveCredit({ maxQueuedMessages: 50, maxPoolUsage: 1_000_000 });
      const floods = Array.from({ length: 50 }, () => credit.onArrived(1));
      expect(floods).not.toContain(true);
    });
  });
});
