import { MESSAGE_TYPE } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { completeAttributes } from './attributes.js';
import { OutgoingQueue, type QueuedMessage } from './outgoing-queue.js';

const { REQUEST, REPLY, DATAGRAM, CANCEL } = MESSAGE_TYPE;

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

describe('push() and shift()', () => {
  it('keep the order', () => {
    const messages = queue();
    expect(messages.isEmpty).toBe(true);
    for (const id of [1, 2, 3]) messages.push(message(id, 10));
    expect(messages.peek()?.head.messageId).toBe(1);
    messages.shift();
    expect(messages.peek()?.head.messageId).toBe(2);
    expect(idsOf(messages)).toEqual([2, 3]);
    expect(messages.isEmpty).toBe(true);
    expect(messages.peek()).toBeUndefined();
    messages.shift();
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
    expect(idsOf(messages)).toEqual([1, 2]);
  });
});

describe('removeRequest()', () => {
  it('takes the message of this id and type out, and gives its bytes back', () => {
    const messages = queue(10, 1000);
    messages.push(message(1, 500));
    messages.push(message(2, 400));
    messages.push(message(2, 50, CANCEL));
    expect(messages.removeRequest(2, REQUEST)).toBe(true);
    expect(messages.removeRequest(2, REQUEST)).toBe(false);
    messages.push(message(3, 450));
    expect(codeOf(() => messages.push(message(4, 1)))).toBe('QUOTA_EXCEEDED');
    expect(idsOf(messages)).toEqual([1, 2, 3]);
  });
});

describe('clear()', () => {
  it('gives all bytes back', () => {
    const messages = queue(10, 1000);
    messages.push(message(1, 1000));
    messages.clear();
    messages.push(message(2, 10));
    messages.push(message(3, 990));
    expect(idsOf(messages)).toEqual([2, 3]);
  });
});
