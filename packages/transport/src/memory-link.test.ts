import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { Recorder } from '../test/support/recorder.js';
import { MemoryLink } from './memory-link.js';

const LIMITS = { recordBytesMax: 1000 };

function send(link: MemoryLink, body: readonly number[]): boolean {
  const claim = link.tryClaim(body.length);
  if (claim === undefined) return false;
  claim.bytes.set(body, claim.offset);
  link.commit(body.length);
  return true;
}

function startedPair() {
  const [near, far] = MemoryLink.createPair();
  const nearSees = new Recorder();
  const farSees = new Recorder();
  near.start(nearSees, LIMITS);
  far.start(farSees, LIMITS);
  return { near, far, nearSees, farSees };
}

describe('a pair of ends', () => {
  it('delivers at the end of the turn, not during it', async () => {
    const { near, farSees } = startedPair();
    send(near, [1]);
    send(near, [2]);
    expect(farSees.records).toEqual([]);
    await nextTurn();
    expect(farSees.records).toEqual([[1], [2]]);
  });

  it('delivers to an end that starts later', async () => {
    const [near, far] = MemoryLink.createPair();
    send(near, [1]);
    near.flush();
    send(near, [2]);
    await nextTurn();
    const sees = new Recorder();
    far.start(sees, LIMITS);
    await nextTurn();
    expect(sees.records).toEqual([[1], [2]]);
  });

  it('delivers what came before the close, then the end, to an end that starts later', async () => {
    const [near, far] = MemoryLink.createPair();
    near.start(new Recorder(), LIMITS);
    send(near, [1]);
    near.close();
    await nextTurn();
    const sees = new Recorder();
    far.start(sees, LIMITS);
    await nextTurn();
    expect(sees.records).toEqual([[1]]);
    expect(sees.ends).toEqual([{ kind: 'ended' }]);
  });

  it('tells both ends once', async () => {
    const { near, far, nearSees, farSees } = startedPair();
    near.close();
    near.close();
    far.close();
    await nextTurn();
    expect(nearSees.ends).toEqual([{ kind: 'local' }]);
    expect(farSees.ends).toHaveLength(1);
    expect(near.tryClaim(1)).toBeUndefined();
  });

  it('ends by violation when a record is over the limit of the receiver', async () => {
    const { near, nearSees, farSees } = startedPair();
    send(
      near,
      Array.from({ length: 1001 }, () => 1),
    );
    await nextTurn();
    await nextTurn();
    expect(farSees.ends).toEqual([{ kind: 'violation', text: expect.stringContaining('1009') }]);
    expect(nearSees.ends).toEqual([{ kind: 'ended' }]);
  });

  it('refuses claims over the high water mark, and says when there is room again', async () => {
    const { near, nearSees } = startedPair();
    let sent = 0;
    while (near.tryClaim(1000) !== undefined) {
      near.commit(1000);
      sent++;
    }
    expect(sent).toBeGreaterThan(1000);
    expect(nearSees.writable).toBe(0);
    await nextTurn();
    expect(nearSees.writable).toBe(1);
    expect(near.tryClaim(1000)).toBeDefined();
  });

  it('answers from inside a handler in a later call, never inside it', async () => {
    const { near, far, nearSees, farSees } = startedPair();
    let depth = 0;
    farSees.onEach = () => {
      depth++;
      expect(depth).toBe(1);
      send(far, [9]);
      depth--;
    };
    nearSees.onEach = () => expect(depth).toBe(0);
    send(near, [1]);
    send(near, [2]);
    await nextTurn();
    expect(nearSees.records).toEqual([[9], [9]]);
  });

  it('throws RangeError for a record that no stream can carry', () => {
    const { near } = startedPair();
    expect(() => near.tryClaim(2 ** 31)).toThrow(RangeError);
  });
});

describe('wait()', () => {
  it('delivers both ways: what the other end answers at once is there', () => {
    const { near, far, nearSees, farSees } = startedPair();
    farSees.onEach = () => void send(far, [2]);
    send(near, [1]);
    expect(near.wait()).toBe(false);
    expect([farSees.records, nearSees.records]).toEqual([[[1]], [[2]]]);
  });

  it('throws TypeError while this end delivers, and never nests deliveries', async () => {
    const { near, far, farSees } = startedPair();
    let error: unknown;
    farSees.onEach = () => {
      if (farSees.records.length > 1) return;
      send(near, [2]);
      near.wait(); // The far end is delivering: it gets the second record behind the first.
      expect(farSees.records).toEqual([[1]]);
      try {
        far.wait();
      } catch (caught) {
        error = caught;
      }
    };
    send(near, [1]);
    near.flush();
    await nextTurn();
    expect(error).toBeInstanceOf(TypeError);
    expect(farSees.records).toEqual([[1], [2]]);
  });
});
