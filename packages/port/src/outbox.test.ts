import { ATTRIBUTE, MESSAGE_MODE, MESSAGE_TYPE, PortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { HandCompanions, HandLink, HandSections } from '../test/support/hand-link.js';
import { waitUntil } from '../test/support/wait-until.js';
import { completeAttributes } from './attributes.js';
import type { MessageHead } from './message-header.js';
import { OutgoingAttributes } from './outgoing-attributes.js';
import type { QueuedMessage } from './outgoing-queue.js';
import { Outbox, type OutboxHost } from './outbox.js';

const { REQUEST, REPLY, DATAGRAM, CANCEL, CREDIT, RANGE, PING, PONG } = MESSAGE_TYPE;

class Host implements OutboxHost {
  readonly portName = 'test';
  readonly awaited: MessageHead[] = [];
  readonly unsendable: [number, string][] = [];
  drained = 0;
  roomy = 0;

  onSent(head: MessageHead): void {
    this.awaited.push(head);
  }

  onUnsendable({ head }: QueuedMessage, error: PortError): void {
    this.unsendable.push([head.messageId, error.code]);
  }

  onRoom(): void {
    this.roomy++;
  }

  onDrained(): void {
    this.drained++;
  }
}

type Limits = Parameters<typeof completeAttributes>[0];

function outboxOver(link: HandLink, limits: Limits = {}, firstSequence = 0) {
  const host = new Host();
  const outbox = new Outbox(link, completeAttributes(limits), host, firstSequence);
  link.start({
    onRecord: () => undefined,
    onWritable: () => outbox.onWritable(),
    onEnd: () => undefined,
  });
  return { outbox, host, link };
}

function message(type: number, id: number, length = 4): QueuedMessage {
  const head = {
    type,
    messageId: type === DATAGRAM || type === CREDIT ? 0 : id,
    status: 0,
    flags: 0,
  };
  const callbackId = type === RANGE ? 1 : 0;
  // A datagram has no id: its first byte tells which it is.
  const parts = [new Uint8Array(length).fill(id)];
  return { head: { ...head, callbackId }, parts, totalBytes: length, onSettled: undefined };
}

/** What went out, as `type:id`. */
function sentBy(link: HandLink): string[] {
  const letters = '?QRDX_CNPO';
  return link.sent.map(({ type, messageId, data }) => `${letters[type]}${messageId || data[0]}`);
}

describe('send()', () => {
  it('sends at once, in order, with sequence numbers from 0', () => {
    const { outbox, link, host } = outboxOver(new HandLink());
    [message(REQUEST, 1), message(REPLY, 2), message(DATAGRAM, 3)].forEach((one) =>
      outbox.send(one),
    );
    expect(sentBy(link)).toEqual(['Q1', 'R2', 'D3']);
    expect(link.sent.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
    expect(outbox.sent).toEqual({ inline: 3, section: 0, bytes: 12 });
    expect([outbox.queuedCount, host.drained]).toEqual([0, 0]);
  });

  it('wraps sequence numbers at 2^32', () => {
    const { outbox, link } = outboxOver(new HandLink(), {}, 2 ** 32 - 2);
    for (const id of [1, 2, 3]) outbox.send(message(REPLY, id));
    expect(link.sent.map(({ sequence }) => sequence)).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0]);
  });

  it('joins the parts of a message', () => {
    const { outbox, link } = outboxOver(new HandLink());
    const parts = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];
    outbox.send({ ...message(REPLY, 1), parts, totalBytes: 3 });
    expect([...link.sent[0]!.data]).toEqual([1, 2, 3]);
  });

  it('tells of the messages that want an answer', () => {
    const { outbox, host } = outboxOver(new HandLink());
    const all = [REQUEST, REPLY, DATAGRAM, CANCEL, CREDIT, RANGE, PING, PONG];
    for (const type of all) outbox.send(message(type, 7, type === CREDIT ? 8 : 0));
    expect(host.awaited.map(({ type }) => type)).toEqual([REQUEST, RANGE, PING]);
  });

  it('tells when a message is out, once', () => {
    const { outbox, link } = outboxOver(new HandLink());
    const settled: unknown[] = [];
    const onSettled = (error?: Error): void => void settled.push(error);
    outbox.send({ ...message(DATAGRAM, 1), onSettled });
    expect(settled).toEqual([undefined]);
    link.room = 0;
    outbox.send({ ...message(DATAGRAM, 2), onSettled });
    expect(settled).toHaveLength(1);
    link.makeRoom();
    expect(settled).toEqual([undefined, undefined]);
  });

  it('throws MESSAGE_TOO_LONG and sends nothing', () => {
    const { outbox, link } = outboxOver(new HandLink(), { maxMessageLength: 10 });
    expect(codeOf(() => outbox.send(message(REPLY, 1, 11)))).toBe('MESSAGE_TOO_LONG');
    expect(codeOf(() => outbox.trySend(message(REPLY, 1, 11)))).toBe('MESSAGE_TOO_LONG');
    expect(codeOf(() => outbox.send(message(REPLY, 1, 10)))).toBe('nothing thrown');
    expect(sentBy(link)).toEqual(['R1']);
  });
});

describe('a link without room', () => {
  it('makes everything wait, so that nobody is overtaken for ever', () => {
    const { outbox, link } = outboxOver(new HandLink());
    link.room = 0;
    outbox.send(message(DATAGRAM, 1));
    // There is room now, but those who wait have not been told.
    link.room = Infinity;
    outbox.send(message(DATAGRAM, 2));
    outbox.send(message(REPLY, 3));
    expect(outbox.trySend(message(PONG, 4))).toBe(false);
    expect(outbox.claim(8, REPLY)).toBeUndefined();
    expect(link.sent).toEqual([]);
    expect([outbox.queuedCount, outbox.queuedBytes]).toEqual([3, 12]);
  });

  it('is used up to its last record when it says so, answers first', () => {
    const { outbox, link, host } = outboxOver(new HandLink());
    link.room = 0;
    const order = [DATAGRAM, REPLY, REQUEST, CANCEL, DATAGRAM];
    order.forEach((type, index) => outbox.send(message(type, index + 1)));
    link.makeRoom(1);
    expect(sentBy(link)).toEqual(['R2']);
    link.makeRoom(2);
    expect(sentBy(link)).toEqual(['R2', 'X4', 'D1']);
    expect(host.drained).toBe(0);
    link.makeRoom();
    expect(sentBy(link)).toEqual(['R2', 'X4', 'D1', 'Q3', 'D5']);
    expect(link.sent.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4]);
    expect([host.drained, outbox.queuedCount, outbox.queuedBytes]).toEqual([1, 0, 0]);
    link.makeRoom();
    expect(host.drained).toBe(1);
  });

  it('is told of to whoever has something that never waits in the queue', () => {
    const { outbox, link, host } = outboxOver(new HandLink());
    link.room = 0;
    expect(outbox.trySend(message(CREDIT, 1, 8))).toBe(false);
    expect(host.roomy).toBe(0);
    link.makeRoom();
    expect(host.roomy).toBe(1);
    expect(outbox.trySend(message(CREDIT, 1, 8))).toBe(true);
  });

  it('lets a request be taken out that nobody waits for', () => {
    const { outbox, link } = outboxOver(new HandLink());
    link.room = 0;
    const second = message(REQUEST, 2);
    for (const one of [message(REQUEST, 1), second, message(REQUEST, 3)]) outbox.send(one);
    expect(outbox.remove(2, REQUEST)).toBe(second);
    expect(outbox.remove(2, REPLY)).toBeUndefined();
    link.makeRoom();
    expect(sentBy(link)).toEqual(['Q1', 'Q3']);
  });

  it('gives everything back when it ends', () => {
    const { outbox, link } = outboxOver(new HandLink());
    link.room = 0;
    outbox.send(message(DATAGRAM, 1));
    outbox.send(message(PONG, 2));
    expect(outbox.clear().map(({ head }) => head.type)).toEqual([PONG, DATAGRAM]);
    expect(outbox.queuedCount).toBe(0);
  });
});

describe('credit', () => {
  it('holds back requests and datagrams; answers overtake them', () => {
    const { outbox, link, host } = outboxOver(new HandLink(), { maxQueuedMessages: 2 });
    const order = [REQUEST, DATAGRAM, REQUEST, REPLY, CANCEL, DATAGRAM, PING];
    order.forEach((type, index) => outbox.send(message(type, index + 1)));
    expect(sentBy(link)).toEqual(['Q1', 'D2', 'R4', 'X5', 'P7']);
    expect([outbox.canSend(REQUEST), outbox.canSend(REPLY)]).toEqual([false, true]);
    expect([outbox.claim(1, DATAGRAM), outbox.trySend(message(REQUEST, 9))]).toEqual([
      undefined,
      false,
    ]);
    outbox.onCredit({ messages: 1, bytes: 4 });
    expect(sentBy(link).slice(5)).toEqual(['Q3']);
    expect(host.drained).toBe(0);
    outbox.onCredit({ messages: 3, bytes: 12 });
    expect(sentBy(link).slice(5)).toEqual(['Q3', 'D6']);
    expect(host.drained).toBe(1);
  });

  it('is used by bytes as well', () => {
    const { outbox, link } = outboxOver(new HandLink(), { maxPoolUsage: 100 });
    outbox.send(message(DATAGRAM, 1, 99));
    outbox.send(message(DATAGRAM, 2, 50));
    outbox.send(message(DATAGRAM, 3, 0));
    expect(sentBy(link)).toEqual(['D1', 'D2']);
    outbox.onCredit({ messages: 1, bytes: 99 });
    expect(link.sent).toHaveLength(3);
  });

  it('is used by what was written in place', () => {
    const { outbox } = outboxOver(new HandLink(), { maxQueuedMessages: 1 });
    const space = outbox.claim(10, DATAGRAM)!;
    outbox.commit(message(DATAGRAM, 1).head, space.offset + 10);
    expect(outbox.sent.bytes).toBe(10);
    expect(outbox.canSend(DATAGRAM)).toBe(false);
    outbox.onCredit({ messages: 1, bytes: 10 });
    expect(outbox.canSend(DATAGRAM)).toBe(true);
  });

  it('does not make room where the link has none', () => {
    const { outbox, link } = outboxOver(new HandLink(), { maxQueuedMessages: 1 });
    outbox.send(message(DATAGRAM, 1));
    link.room = 0;
    outbox.send(message(DATAGRAM, 2));
    outbox.send(message(REPLY, 3));
    // There is room again, but it was not told of yet.
    link.room = Infinity;
    outbox.onCredit({ messages: 1, bytes: 4 });
    expect(sentBy(link)).toEqual(['D1']);
    link.makeRoom();
    expect(sentBy(link)).toEqual(['D1', 'R3', 'D2']);
  });

  it('of impossible totals is a violation', () => {
    const { outbox } = outboxOver(new HandLink());
    outbox.send(message(DATAGRAM, 1));
    expect(codeOf(() => outbox.onCredit({ messages: 2, bytes: 4 }))).toBe('PROTOCOL_ERROR');
  });

  it('itself goes however short the longest message is, and never by section', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const limits = { maxMessageLength: 1, inlineLimit: 1 };
    const { outbox } = outboxOver(link, limits);
    expect(codeOf(() => outbox.trySend(message(CREDIT, 1, 8)))).toBe('nothing thrown');
    expect(link.sent[0]).toMatchObject({ type: CREDIT, mode: MESSAGE_MODE.INLINE, dataLength: 8 });
  });
});

describe('modes', () => {
  it('go by length: up to inlineLimit through the ring, longer ones by section', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const { outbox } = outboxOver(link, { inlineLimit: 100, maxMessageLength: 5000 });
    expect([outbox.inlineBytesMax, outbox.dataBytesMax]).toEqual([100, 1000]);
    for (const length of [0, 100, 101, 1000]) outbox.send(message(REPLY, 1, length));
    expect(link.sent.map(({ mode }) => mode)).toEqual([0, 0, 1, 1]);
    expect(link.sent.map(({ data }) => data.length)).toEqual([0, 100, 101, 1000]);
    expect(codeOf(() => outbox.send(message(REPLY, 1, 1001)))).toBe('MESSAGE_TOO_LONG');
    expect(outbox.sent).toEqual({ inline: 2, section: 2, bytes: 1201 });
  });

  it('keep to the maxSectionSize that was agreed on, where the link could do more', () => {
    const link = new HandLink({ sections: new HandSections(5000) });
    const { outbox } = outboxOver(link, { inlineLimit: 100, maxSectionSize: 500 });
    expect(outbox.dataBytesMax).toBe(500);
    expect(codeOf(() => outbox.send(message(REPLY, 1, 501)))).toBe('MESSAGE_TOO_LONG');
  });

  it('without sections are one, whatever the limit and the wish', () => {
    const { outbox, link } = outboxOver(new HandLink(), { inlineLimit: 10 });
    outbox.send({ ...message(REPLY, 1, 500), prefersSection: true });
    expect(link.sent[0]?.mode).toBe(MESSAGE_MODE.INLINE);
  });

  it('can be wished for, but not for nothing', () => {
    const { outbox, link } = outboxOver(new HandLink({ sections: new HandSections(1000) }));
    outbox.send({ ...message(REPLY, 1, 1), prefersSection: true });
    outbox.send({ ...message(REPLY, 2, 0), prefersSection: true });
    expect(link.sent.map(({ mode }) => mode)).toEqual([1, 0]);
  });

  it('leave room for attributes: what does not fit a record beside them goes by section', () => {
    const link = new HandLink({ sections: new HandSections(1000), recordBytesMax: 132 });
    const { outbox } = outboxOver(link);
    const attributes = OutgoingAttributes.of({ deadlineMs: 1 }, ATTRIBUTE.DEADLINE);
    expect(outbox.inlineBytesMax).toBe(100);
    for (const length of [92, 93]) outbox.send({ ...message(REQUEST, 1, length), attributes });
    expect(link.sent.map(({ mode }) => mode)).toEqual([0, 1]);
    expect(link.sent.map(({ attributeMask }) => attributeMask)).toEqual([32, 32]);
  });

  it('wait for a section as for a record, and give the record back meanwhile', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const { outbox } = outboxOver(link, { inlineLimit: 10 });
    link.sections!.room = 0;
    outbox.send(message(REPLY, 1, 50));
    outbox.send(message(REPLY, 2, 1));
    expect([link.isClaimed, link.sent.length, outbox.queuedCount]).toEqual([false, 0, 2]);
    link.sections!.room = 1;
    link.makeRoom();
    expect(sentBy(link)).toEqual(['R1', 'R2']);
  });

  it('wait for room beside the messages as well', () => {
    const link = new HandLink({ companions: new HandCompanions() });
    const { outbox } = outboxOver(link);
    const attributes = OutgoingAttributes.of({ handles: [1] }, ATTRIBUTE.HANDLE);
    link.companions!.room = 0;
    outbox.send({ ...message(DATAGRAM, 1), attributes });
    outbox.send(message(DATAGRAM, 2));
    expect([link.isClaimed, link.sent.length]).toEqual([false, 0]);
    link.companions!.room = 5;
    link.makeRoom();
    expect(sentBy(link)).toEqual(['D1', 'D2']);
    expect(link.companions!.handles.size).toBe(1);
  });
});

describe('a message that cannot be sent after all', () => {
  it('is told of, and does not stop those behind it', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const { outbox, host } = outboxOver(link, { inlineLimit: 10 });
    link.room = 0;
    for (const [id, length] of [
      [1, 50],
      [2, 1],
      [3, 50],
    ] as const) {
      outbox.send(message(REQUEST, id, length));
    }
    link.sections!.failure = new PortError('QUOTA_EXCEEDED', 'no memory');
    link.makeRoom();
    expect(host.unsendable).toEqual([[1, 'QUOTA_EXCEEDED']]);
    expect(sentBy(link)).toEqual(['Q2', 'Q3']);
    expect([outbox.queuedCount, host.drained]).toEqual([0, 1]);
  });

  it('may be one whose handle was closed while it waited', () => {
    const link = new HandLink({ companions: new HandCompanions() });
    const { outbox, host } = outboxOver(link);
    const attributes = OutgoingAttributes.of({ handles: [1] }, ATTRIBUTE.HANDLE);
    link.room = 0;
    outbox.send({ ...message(REQUEST, 1), attributes });
    outbox.send(message(REQUEST, 2));
    link.companions!.failure = new TypeError('1 is not open');
    link.makeRoom();
    expect(host.unsendable).toEqual([[1, 'INVALID_MESSAGE']]);
    expect(sentBy(link)).toEqual(['Q2']);
  });

  it('throws at once when it does not have to wait, and gives the record back', () => {
    const sections = new HandSections(1000);
    const link = new HandLink({ companions: new HandCompanions(), sections });
    const { outbox } = outboxOver(link, { inlineLimit: 10 });
    const attributes = OutgoingAttributes.of({ handles: [1] }, ATTRIBUTE.HANDLE);
    link.companions!.failure = new TypeError('1 is not open');
    expect(() => outbox.send({ ...message(REQUEST, 1), attributes })).toThrow(TypeError);
    expect(link.isClaimed).toBe(false);
    sections.failure = new PortError('QUOTA_EXCEEDED', 'no memory');
    expect(codeOf(() => outbox.send(message(REQUEST, 1, 50)))).toBe('QUOTA_EXCEEDED');
    expect([link.isClaimed, outbox.queuedCount]).toEqual([false, 0]);
    outbox.send(message(REQUEST, 2));
    expect(link.sent.map(({ sequence }) => sequence)).toEqual([0]);
  });
});

describe('memoryBandwidth', () => {
  const LIMITS = { memoryBandwidth: 1024 * 1024, inlineLimit: 100, maxMessageLength: 300_000 };

  it('makes the next section wait, and what comes behind it, then goes on by itself', async () => {
    const link = new HandLink({ sections: new HandSections(300_000) });
    const { outbox, host } = outboxOver(link, LIMITS);
    const startedAt = performance.now();
    // 200 KiB; a tenth of a second's worth goes at once: the rest takes another 95 ms.
    outbox.send(message(REPLY, 1, 204_800));
    outbox.send(message(REPLY, 2, 200));
    outbox.send(message(REPLY, 3, 1));
    expect(sentBy(link)).toEqual(['R1']);
    await waitUntil('the rest to go', () => link.sent.length === 3);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(90);
    expect(sentBy(link)).toEqual(['R1', 'R2', 'R3']);
    expect([host.drained, host.roomy]).toEqual([1, 1]);
  });

  it('does not count what goes through the ring', () => {
    const { outbox, link } = outboxOver(new HandLink({ sections: new HandSections(300_000) }), {
      ...LIMITS,
      memoryBandwidth: 1024,
    });
    for (let sent = 0; sent < 100; sent++) outbox.send(message(REPLY, 1, 100));
    expect(link.sent).toHaveLength(100);
  });

  it('is waited for no longer when the connection has ended', async () => {
    const link = new HandLink({ sections: new HandSections(300_000) });
    const { outbox, host } = outboxOver(link, LIMITS);
    // Overdrawn by 186 ms: long enough for the second to find it so.
    outbox.send(message(REPLY, 1, 300_000));
    outbox.send(message(REPLY, 2, 120_000));
    expect(outbox.clear()).toHaveLength(1);
    let isLate = false;
    setTimeout(() => (isLate = true), 250);
    await waitUntil('the time of the second', () => isLate);
    expect([link.sent.length, host.roomy]).toEqual([1, 0]);
  });
});

describe('any course of events', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('send' as const),
      type: fc.constantFrom(REQUEST, REPLY, DATAGRAM, CANCEL),
      length: fc.nat(40),
    }),
    fc.record({ kind: fc.constant('room' as const), records: fc.nat(3) }),
    fc.record({
      kind: fc.constant('taken' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  );

  it('keeps the order within each lane, loses nothing, and never goes beyond the credit', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const limits = { maxQueuedMessages: 4, maxPoolUsage: 60 };
        const { outbox, link } = outboxOver(new HandLink(), limits, 2 ** 32 - 3);
        const accepted: { readonly type: number; readonly parts: readonly Uint8Array[] }[] = [];
        let settled = 0;
        const credited = (): typeof link.sent =>
          link.sent.filter(({ type }) => type === REQUEST || type === DATAGRAM);
        let taken = 0;
        const takeUpTo = (count: number): void => {
          taken = Math.max(taken, count);
          const bytes = credited().slice(0, taken);
          const sum = bytes.reduce((total, { dataLength }) => total + dataLength, 0);
          outbox.onCredit({ messages: taken, bytes: sum });
        };
        for (const one of steps) {
          if (one.kind === 'room') link.makeRoom(one.records);
          else if (one.kind === 'taken') takeUpTo(Math.floor(credited().length * one.share));
          else {
            const sent = message(one.type, accepted.length % 200, one.length);
            const head = {
              ...sent.head,
              messageId: one.type === DATAGRAM ? 0 : accepted.length + 1,
            };
            const code = codeOf(() => outbox.send({ ...sent, head, onSettled: () => settled++ }));
            if (code === 'nothing thrown') accepted.push({ type: one.type, parts: sent.parts });
            else expect(code).toBe('QUOTA_EXCEEDED');
          }
          expect(credited().length - taken).toBeLessThanOrEqual(4);
        }
        for (let round = 0; outbox.queuedCount > 0 && round < 200; round++) {
          link.makeRoom();
          takeUpTo(credited().length);
        }
        expect(settled).toBe(accepted.length);
        const lane = (types: readonly number[]): Uint8Array[] =>
          accepted.filter(({ type }) => types.includes(type)).map(({ parts }) => parts[0]!);
        expect(credited().map(({ data }) => data)).toEqual(lane([REQUEST, DATAGRAM]));
        const free = link.sent.filter(({ type }) => type === REPLY || type === CANCEL);
        expect(free.map(({ data }) => data)).toEqual(lane([REPLY, CANCEL]));
        const sequences = link.sent.map((_, index) => (2 ** 32 - 3 + index) % 2 ** 32);
        expect(link.sent.map(({ sequence }) => sequence)).toEqual(sequences);
      }),
      { numRuns: 200 },
    );
  });
});
