import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { waitUntil } from '../test/support/wait-until.js';
import { Receivers, type MessageQueue } from './inbox.js';
import type { PortMessage } from './port-end.js';

/** Messages are handed through as they are: any objects will do. */
class Queue implements MessageQueue {
  readonly messages: PortMessage[] = [];

  add(name: string): PortMessage {
    const message = { name } as unknown as PortMessage;
    this.messages.push(message);
    return message;
  }

  shift(): PortMessage | undefined {
    return this.messages.shift();
  }
}

function receivers() {
  const queue = new Queue();
  return { queue, inbox: new Receivers(queue, 'test') };
}

async function failure(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return codeOf(() => {
    if (error !== undefined) throw error;
  });
}

describe('receive()', () => {
  it('gives what is there, in order', async () => {
    const { queue, inbox } = receivers();
    const all = ['a', 'b', 'c'].map((name) => queue.add(name));
    expect([await inbox.receive(), await inbox.receive(), await inbox.receive()]).toEqual(all);
  });

  it('gives the next to whoever waits longest', async () => {
    const { queue, inbox } = receivers();
    const waiting = [inbox.receive(), inbox.receive(), inbox.receive()];
    const all = ['a', 'b'].map((name) => queue.add(name));
    inbox.wake();
    expect([await waiting[0], await waiting[1]]).toEqual(all);
    const third = queue.add('c');
    inbox.wake();
    expect(await waiting[2]).toBe(third);
  });

  it('does not let the last who comes go before those who wait', async () => {
    const { queue, inbox } = receivers();
    const first = inbox.receive();
    const message = queue.add('a');
    // Nobody was woken yet.
    const second = inbox.receive({ timeoutMs: 0 });
    expect(await second).toBeUndefined();
    inbox.wake();
    expect(await first).toBe(message);
  });

  it.each([0, -1, -Infinity])('with timeoutMs %d polls', async (timeoutMs) => {
    const { queue, inbox } = receivers();
    expect(await inbox.receive({ timeoutMs })).toBeUndefined();
    const message = queue.add('a');
    expect(await inbox.receive({ timeoutMs })).toBe(message);
  });

  it('gives nothing when its time is over, not before, and is out of the way then', async () => {
    const { queue, inbox } = receivers();
    const startedAt = performance.now();
    expect(await inbox.receive({ timeoutMs: 30 })).toBeUndefined();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(29);
    const next = inbox.receive();
    const message = queue.add('a');
    inbox.wake();
    expect(await next).toBe(message);
  });

  it.each([2 ** 31, 2 ** 40, Infinity])('with timeoutMs %d waits', async (timeoutMs) => {
    const { queue, inbox } = receivers();
    let isSettled = false;
    const abort = new AbortController();
    const waiting = inbox.receive({ timeoutMs, signal: abort.signal });
    void waiting.then(() => (isSettled = true));
    let isLate = false;
    setTimeout(() => (isLate = true), 20);
    await waitUntil('a while', () => isLate);
    expect(isSettled).toBe(false);
    const message = queue.add('a');
    inbox.wake();
    expect(await waiting).toBe(message);
  });

  it('is CANCELED by its signal, before and while it waits', async () => {
    const { queue, inbox } = receivers();
    const aborted = AbortSignal.abort('why');
    queue.add('a');
    expect(await failure(inbox.receive({ signal: aborted }))).toBe('CANCELED');
    expect(queue.messages).toHaveLength(1);
    queue.shift();
    const abort = new AbortController();
    const first = inbox.receive({ signal: abort.signal });
    const second = inbox.receive();
    abort.abort();
    expect(await failure(first)).toBe('CANCELED');
    const message = queue.add('b');
    inbox.wake();
    expect(await second).toBe(message);
  });

  it('lets go of the signal when it has a message', async () => {
    const { queue, inbox } = receivers();
    const abort = new AbortController();
    const waiting = inbox.receive({ signal: abort.signal });
    const message = queue.add('a');
    inbox.wake();
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    abort.abort();
    expect(await waiting).toBe(message);
  });
});

describe('end()', () => {
  it('gives out what is there, then tells those who wait', async () => {
    const { queue, inbox } = receivers();
    const waiting = [inbox.receive(), inbox.receive({ timeoutMs: 10_000 })];
    const message = queue.add('a');
    inbox.end();
    expect(await waiting[0]).toBe(message);
    expect(await failure(waiting[1]!)).toBe('DISCONNECTED');
  });

  it('leaves what is in the queue to whoever comes later, and then is the end', async () => {
    const { queue, inbox } = receivers();
    const message = queue.add('a');
    inbox.end();
    expect(await inbox.receive()).toBe(message);
    expect(await failure(inbox.receive())).toBe('DISCONNECTED');
    expect(await failure(inbox.receive({ timeoutMs: 0 }))).toBe('DISCONNECTED');
  });
});
