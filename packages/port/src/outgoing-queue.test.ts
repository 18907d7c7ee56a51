import { MESSAGE_TYPE, PENDING_REQUESTS_MAX } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { completeAttributes } from './attributes.js';
import { OutgoingQueue, needsCredit, type QueuedMessage } from './outgoing-queue.js';

const { REQUEST, REPLY, DATAGRAM, CANCEL, CLOSE, CREDIT, RANGE, PING, PONG } = MESSAGE_TYPE;

function message(messageId: number, totalBytes: number, type: number = REQUEST): QueuedMessage {
  return {
    head: { type, messageId, status: 0, flags: 0 },
    parts: [],
    totalBytes,
    onSettled: undefined,
  };
}

function queue(maxQueuedMessages = 3, maxPoolUsage = 10_000): OutgoingQueue {
  return new OutgoingQueue(completeAttributes({ maxQueuedMessages, maxPoolUsage }));
}

function idsOf(messages: OutgoingQueue): number[] {
  return messages.clear().map(({ head }) => head.messageId);
}

function firstOf(messages: OutgoingQueue, hasCredit = true): number | undefined {
  return messages.peek(hasCredit)?.head.messageId;
}

describe('needsCredit()', () => {
  it('is true of requests and datagrams alone', () => {
    expect(Object.values(MESSAGE_TYPE).filter(needsCredit)).toEqual([REQUEST, DATAGRAM]);
  });
});

describe('push() and shift()', () => {
  it('keep the order', () => {
    const messages = queue();
    expect(messages.isEmpty).toBe(true);
    for (const id of [1, 2, 3]) messages.push(message(id, 10));
    expect(firstOf(messages)).toBe(1);
    messages.shift();
    expect(firstOf(messages)).toBe(2);
    expect(idsOf(messages)).toEqual([2, 3]);
    expect(messages.isEmpty).toBe(true);
    expect(firstOf(messages)).toBeUndefined();
    messages.shift();
  });

  it('count messages and bytes of both lanes', () => {
    const messages = queue();
    messages.push(message(1, 10));
    messages.push(message(2, 100, REPLY));
    expect([messages.count, messages.bytes]).toEqual([2, 110]);
    messages.shift();
    expect([messages.count, messages.bytes]).toEqual([1, 10]);
    messages.shift();
    expect([messages.count, messages.bytes, messages.isEmpty]).toEqual([0, 0, true]);
  });

  it('throw QUOTA_EXCEEDED for more messages than the limit', () => {
    const messages = queue(3);
    for (const id of [1, 2, 3]) messages.push(message(id, 1));
    expect(codeOf(() => messages.push(message(4, 1)))).toBe('QUOTA_EXCEEDED');
    messages.shift();
    messages.push(message(5, 1));
    expect(idsOf(messages)).toEqual([2, 3, 5]);
  });

  it('throw QUOTA_EXCEEDED for more bytes than the limit', () => {
    const messages = queue(100, 1000);
    messages.push(message(1, 600));
    messages.push(message(2, 400));
    expect(codeOf(() => messages.push(message(3, 1)))).toBe('QUOTA_EXCEEDED');
    messages.shift();
    messages.push(message(4, 600));
    expect(codeOf(() => messages.push(message(5, 1)))).toBe('QUOTA_EXCEEDED');
  });

  it('take a first message of any length', () => {
    const messages = queue(3, 1000);
    messages.push(message(1, 50_000));
    expect(codeOf(() => messages.push(message(2, 1)))).toBe('QUOTA_EXCEEDED');
  });

  it('take short replies over the limit, and no long ones', () => {
    const messages = queue(1, 1000);
    messages.push(message(1, 1000));
    messages.push(message(2, 4096, REPLY));
    expect(codeOf(() => messages.push(message(3, 4097, REPLY)))).toBe('QUOTA_EXCEEDED');
    expect(codeOf(() => messages.push(message(4, 0, DATAGRAM)))).toBe('QUOTA_EXCEEDED');
    expect(codeOf(() => messages.push(message(5, 0, RANGE)))).toBe('QUOTA_EXCEEDED');
    expect(idsOf(messages)).toEqual([2, 1]);
  });

  it('throw PROTOCOL_ERROR for more short answers than a peer may have asked for', () => {
    const messages = queue(3);
    const countMax = 2 * PENDING_REQUESTS_MAX + 3 + 1;
    for (let id = 1; id <= countMax; id++) messages.push(message(id, 0, REPLY));
    expect(codeOf(() => messages.push(message(9, 0, PONG)))).toBe('PROTOCOL_ERROR');
    expect(messages.count).toBe(countMax);
  });
});

describe('the lanes', () => {
  it('let answers go before requests, each in order', () => {
    const messages = queue(10);
    messages.push(message(1, 1, REQUEST));
    messages.push(message(2, 1, REPLY));
    messages.push(message(3, 1, DATAGRAM));
    messages.push(message(4, 1, CANCEL));
    const order: (number | undefined)[] = [];
    for (; !messages.isEmpty; messages.shift()) order.push(firstOf(messages));
    expect(order).toEqual([2, 4, 1, 3]);
  });

  it('hold back requests and datagrams without credit, and nothing else', () => {
    const messages = queue(10);
    messages.push(message(1, 1, REQUEST));
    expect(firstOf(messages, false)).toBeUndefined();
    messages.push(message(2, 1, PONG));
    expect(firstOf(messages, false)).toBe(2);
    messages.shift();
    expect(firstOf(messages, false)).toBeUndefined();
    expect(firstOf(messages, true)).toBe(1);
  });

  it('make a message wait behind those of its own lane only', () => {
    const messages = queue(10);
    messages.push(message(1, 1, DATAGRAM));
    for (const type of [REQUEST, DATAGRAM]) expect(messages.isWaiting(type)).toBe(true);
    const free = [REPLY, CANCEL, CLOSE, CREDIT, RANGE, PING, PONG];
    for (const type of free) expect(messages.isWaiting(type)).toBe(false);
    messages.push(message(2, 1, REPLY));
    messages.shift();
    messages.shift();
    messages.push(message(3, 1, CANCEL));
    for (const type of free) expect(messages.isWaiting(type)).toBe(true);
    for (const type of [REQUEST, DATAGRAM]) expect(messages.isWaiting(type)).toBe(false);
  });
});

describe('remove()', () => {
  it('takes the message of this id and type out, and gives its bytes back', () => {
    const messages = queue(10, 1000);
    const second = message(2, 400);
    messages.push(message(1, 500));
    messages.push(second);
    messages.push(message(2, 50, CANCEL));
    expect(messages.remove(2, REQUEST)).toBe(second);
    expect(messages.remove(2, REQUEST)).toBeUndefined();
    messages.push(message(3, 450));
    expect(codeOf(() => messages.push(message(4, 1)))).toBe('QUOTA_EXCEEDED');
    expect(idsOf(messages)).toEqual([2, 1, 3]);
  });

  it('tells a range from a reply of the same id', () => {
    const messages = queue(10);
    messages.push(message(2, 1, REPLY));
    messages.push(message(2, 5, RANGE));
    expect(messages.remove(2, RANGE)?.totalBytes).toBe(5);
    expect(messages.peek(true)?.head.type).toBe(REPLY);
  });
});

describe('clear()', () => {
  it('gives all bytes back', () => {
    const messages = queue(10, 1000);
    messages.push(message(1, 500));
    messages.push(message(7, 500, REPLY));
    expect(idsOf(messages)).toEqual([7, 1]);
    expect([messages.count, messages.bytes]).toEqual([0, 0]);
    messages.push(message(2, 10));
    messages.push(message(3, 990));
    expect(idsOf(messages)).toEqual([2, 3]);
  });
});
