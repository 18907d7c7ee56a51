import { setTimeout as sleep } from 'node:timers/promises';

import { PENDING_REQUESTS_MAX, type MessageId } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { PendingRequests, REQUEST_SLOTS_MAX, type ReplySink } from './pending-requests.js';

class Sink implements ReplySink {
  calls = 0;
  onReply(): void {
    this.calls++;
  }
  onFailure(): void {
    this.calls++;
  }
}

interface Expired {
  readonly id: MessageId;
  readonly wasSent: boolean;
  readonly atMs: number;
}

function table(firstId = 1, drain: () => void = () => undefined) {
  const expired: Expired[] = [];
  const pending = new PendingRequests(
    {
      drain,
      onExpired: (id, _, wasSent) => expired.push({ id, wasSent, atMs: performance.now() }),
    },
    firstId,
  );
  return { pending, expired };
}

describe('add()', () => {
  it('gives ids from 1 on, each once', () => {
    const { pending } = table();
    const ids = Array.from({ length: 100 }, () => pending.add(new Sink(), Infinity));
    expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(pending.count).toBe(100);
  });

  it('skips 0 where the ids wrap at 2^32', () => {
    const { pending } = table(2 ** 32 - 2);
    const ids = Array.from({ length: 4 }, () => pending.add(new Sink(), Infinity));
    expect(ids).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 1, 2]);
    for (const id of ids) expect(pending.take(id)).toBeDefined();
  });

  it('throws QUOTA_EXCEEDED at the limit, and not below it', () => {
    const { pending } = table(2 ** 32 - 500);
    const ids = Array.from({ length: PENDING_REQUESTS_MAX }, () =>
      pending.add(new Sink(), Infinity),
    );
    expect(new Set(ids).size).toBe(PENDING_REQUESTS_MAX);
    expect(codeOf(() => pending.add(new Sink(), Infinity))).toBe('QUOTA_EXCEEDED');
    pending.take(ids[7]!);
    expect(codeOf(() => pending.add(new Sink(), Infinity))).toBe('nothing thrown');
  });

  it('never uses an outstanding id again, nor its slot', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constant(1),
          fc.nat(2000).map((back) => 2 ** 32 - 1 - back),
        ),
        fc.array(fc.tuple(fc.boolean(), fc.nat(2000)), { maxLength: 400, size: 'max' }),
        (firstId, steps) => {
          const { pending } = table(firstId);
          const open = new Map<number, Sink>();
          for (const [adds, pick] of steps) {
            if (adds || open.size === 0) {
              const sink = new Sink();
              const id = pending.add(sink, Infinity);
              if (id === 0 || open.has(id)) throw new Error(`id ${id} is 0 or outstanding`);
              const slots = new Set([...open.keys(), id].map((one) => one % REQUEST_SLOTS_MAX));
              if (slots.size !== open.size + 1) throw new Error(`slot of ${id} is taken`);
              open.set(id, sink);
            } else {
              const [id, sink] = [...open][pick % open.size]!;
              if (pending.take(id) !== sink) throw new Error(`wrong sink for ${id}`);
              open.delete(id);
            }
            if (pending.count !== open.size) throw new Error('wrong count');
          }
          for (const [id, sink] of open) if (pending.take(id) !== sink) throw new Error('lost');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('goes round the whole table with one request that stays', () => {
    const { pending } = table();
    const stays = new Sink();
    const stayingId = pending.add(stays, Infinity);
    for (let round = 0; round < 3 * REQUEST_SLOTS_MAX; round++) {
      const id = pending.add(new Sink(), Infinity);
      expect(id).not.toBe(stayingId);
      pending.take(id);
    }
    expect(pending.take(stayingId)).toBe(stays);
  });
});

describe('take()', () => {
  it('gives a request once', () => {
    const { pending } = table();
    const sink = new Sink();
    const id = pending.add(sink, Infinity);
    expect(pending.take(id)).toBe(sink);
    expect(pending.take(id)).toBeUndefined();
    expect(pending.count).toBe(0);
  });

  it.each([0, 1, 2, 65, 2 ** 31, 2 ** 32 - 1, REQUEST_SLOTS_MAX + 5])(
    'gives nothing for %i, which a peer made up',
    (id) => {
      const { pending } = table(5);
      pending.add(new Sink(), Infinity);
      expect(pending.take(id)).toBeUndefined();
      expect(pending.count).toBe(1);
    },
  );
});

describe('takeReplied()', () => {
  it('gives a request that was sent, not one whose id was only guessed', () => {
    const { pending } = table();
    const sink = new Sink();
    const id = pending.add(sink, Infinity);
    expect(pending.takeReplied(id)).toBeUndefined();
    pending.markSent(id, 8);
    expect(pending.takeReplied(id)).toBe(sink);
    expect(pending.takeReplied(id)).toBeUndefined();
  });
});

describe('markSent() and takeAll()', () => {
  it('keep the mark of each sent request, over growth', () => {
    const { pending } = table(2 ** 32 - 40);
    const sinks = Array.from({ length: 200 }, () => new Sink());
    sinks.forEach((sink, index) => {
      const id = pending.add(sink, Infinity);
      if (index % 2 === 0) pending.markSent(id, 2 ** 32 - 1 - index);
      expect(pending.isSent(id)).toBe(index % 2 === 0);
    });
    const seen = new Map<ReplySink, number | undefined>();
    pending.takeAll((sink, wasSent, mark) => seen.set(sink, wasSent ? mark : undefined));
    expect(sinks.map((sink) => seen.get(sink))).toEqual(
      sinks.map((_, index) => (index % 2 === 0 ? 2 ** 32 - 1 - index : undefined)),
    );
    expect(pending.count).toBe(0);
  });

  it('keep a mark over 2^32: a link counts all its bytes', () => {
    const { pending } = table();
    const marks: number[] = [];
    pending.markSent(pending.add(new Sink(), Infinity), 2 ** 33 + 8);
    pending.takeAll((_, __, mark) => marks.push(mark));
    expect(marks).toEqual([2 ** 33 + 8]);
  });

  it('have no effect on a request that is gone', () => {
    const { pending } = table();
    const id = pending.add(new Sink(), Infinity);
    pending.take(id);
    pending.markSent(id, 5);
    expect(pending.isSent(id)).toBe(false);
  });

  it('leave no deadline behind', async () => {
    const { pending, expired } = table();
    pending.add(new Sink(), performance.now() + 5);
    pending.takeAll(() => undefined);
    await sleep(15);
    expect(expired).toEqual([]);
  });
});

describe('deadlines', () => {
  it('are never early, and come in order', async () => {
    const { pending, expired } = table();
    const startedAt = performance.now();
    const deadlines = new Map<number, number>();
    for (let index = 0; index < 40; index++) {
      const deadline = startedAt + 5 + ((index * 7) % 20) + Math.random();
      deadlines.set(pending.add(new Sink(), deadline), deadline);
    }
    pending.add(new Sink(), Infinity);
    const giveUpAt = startedAt + 3000;
    while (expired.length < 40 && performance.now() < giveUpAt) await sleep(2);
    expect(expired).toHaveLength(40);
    for (const { id, atMs } of expired) expect(atMs).toBeGreaterThanOrEqual(deadlines.get(id)!);
    expect(pending.count).toBe(1);
  });

  it('say whether the request had been sent', async () => {
    const { pending, expired } = table();
    const queued = pending.add(new Sink(), performance.now());
    const sent = pending.add(new Sink(), performance.now());
    pending.markSent(sent, 1);
    while (expired.length < 2) await sleep(1);
    expect(expired.map(({ id, wasSent }) => [id, wasSent])).toEqual([
      [queued, false],
      [sent, true],
    ]);
  });

  it('lose against replies that are there already', async () => {
    let onDrain: () => void = () => undefined;
    const drained = new Promise<void>((resolve) => (onDrain = resolve));
    const { pending, expired } = table(1, () => {
      pending.take(1);
      onDrain();
    });
    pending.add(new Sink(), performance.now() + 2);
    await drained;
    await sleep(5);
    expect(expired).toEqual([]);
  });

  it('come for a request that was added while others expired', async () => {
    const expired: number[] = [];
    const pending: PendingRequests = new PendingRequests({
      drain: () => undefined,
      onExpired: (id) => {
        expired.push(id);
        // Enough of them to make the table grow in the middle.
        if (id === 1) for (let index = 0; index < 100; index++) pending.add(new Sink(), 0);
      },
    });
    pending.add(new Sink(), performance.now() + 1);
    const giveUpAt = performance.now() + 3000;
    while (expired.length < 101 && performance.now() < giveUpAt) await sleep(1);
    expect(new Set(expired).size).toBe(101);
    expect(pending.count).toBe(0);
  });

  it('further away than a timer reaches are no problem', async () => {
    const { pending, expired } = table();
    pending.add(new Sink(), performance.now() + 2 ** 40);
    await sleep(5);
    expect(expired).toEqual([]);
    pending.takeAll(() => undefined);
  });
});
