/*
 * Threat: the peer announces descriptors without end, twice under one number, or where nobody wants
 * any. A correct sender, whatever its receiver does, is never taken for that.
 */
import { closeSync, fstatSync } from 'node:fs';

import { ANNOUNCED_MAX, CONTROL_TOKEN } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import {
  LINK_LIMITS,
  LINK_OPTIONS,
  Recorder,
  linkPair,
  loneLink,
  sendRecord,
} from '../test/support/link-parts.js';
import { codeOf, nativeBinding } from '../test/support/native.js';
import { WORD } from '../test/support/ring-pair.js';
import { waitUntil } from '../test/support/wait-until.js';
import type { ShmLink } from './shm-link.js';

const native = nativeBinding();
let base: string[] = [];
beforeEach(() => void (base = openDescriptors()));
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') await expectDescriptors(base);
});

function startedPair(options: Parameters<typeof linkPair>[1] = {}) {
  const [near, far] = linkPair(native, options);
  const nearSees = new Recorder();
  const farSees = new Recorder();
  near.start(nearSees, LINK_LIMITS);
  far.start(farSees, LINK_LIMITS);
  return { near, far, nearSees, farSees };
}

function memfds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => native.memfdCreate('handle', index + 1));
}

/** Places handles and commits the message that names them: its one byte is how many there are. */
function sendHandles(link: ShmLink, count: number): number | undefined {
  const fds = memfds(count);
  const claim = link.tryClaim(1);
  const batchId = claim === undefined ? undefined : link.companions.tryPlaceHandles(fds);
  if (claim !== undefined && batchId !== undefined) {
    claim.bytes[claim.offset] = count;
    link.commit(1);
  }
  for (const fd of fds) native.close(fd);
  return batchId;
}

describe('handles', () => {
  it('go to the peer, which owns its copies; the sender keeps its own', async () => {
    const { near, far, farSees } = startedPair();
    const fds = memfds(4);
    const claim = near.tryClaim(1);
    const batchId = near.companions.tryPlaceHandles(fds)!;
    expect(claim).toBeDefined();
    near.commit(1);
    let sizes: number[] = [];
    farSees.onEach = () => {
      const taken = far.companions.takeHandles(batchId);
      sizes = taken.map((fd) => fstatSync(fd).size);
      for (const fd of taken) native.close(fd);
    };
    await waitUntil('the message', () => farSees.records.length === 1);
    expect(sizes).toEqual([1, 2, 3, 4]);
    for (const fd of fds) closeSync(fd);
    near.close();
    far.close();
  });

  it('are closed with the link when nobody takes them', async () => {
    const { near, far, farSees } = startedPair();
    sendHandles(near, 3);
    await waitUntil('the message', () => farSees.records.length === 1);
    sendHandles(near, 3);
    near.close();
    far.close();
  });

  it('cannot be taken twice, nor without an announcement', async () => {
    const { near, far, farSees } = startedPair();
    const batchId = sendHandles(near, 1)!;
    await waitUntil('the message', () => farSees.records.length === 1);
    for (const fd of far.companions.takeHandles(batchId)) native.close(fd);
    expect(codeOf(() => far.companions.takeHandles(batchId))).toBe('PROTOCOL_ERROR');
    expect(codeOf(() => far.companions.takeHandles(77))).toBe('PROTOCOL_ERROR');
    near.close();
    far.close();
  });

  it('throw RangeError for another number of them, TypeError for what is not open', () => {
    const { near, far, nearSees } = startedPair();
    for (const count of [0, 5]) {
      expect(() => near.companions.tryPlaceHandles(Array(count).fill(0))).toThrow(RangeError);
    }
    expect(() => near.companions.tryPlaceHandles([0, 99999])).toThrow(TypeError);
    expect(nearSees.ends).toEqual([]);
    near.close();
    far.close();
  });

  it('wait when 64 are unread, and come again when the peer has read', async () => {
    const { near, far, farSees, nearSees } = startedPair();
    let sent = 0;
    while (sendHandles(near, 1) !== undefined) sent++;
    expect(sent).toBe(ANNOUNCED_MAX);
    expect(nearSees.writable).toBe(0);
    farSees.onEach = () => {
      for (const fd of far.companions.takeHandles(farSees.records.length)) native.close(fd);
    };
    await waitUntil('room', () => nearSees.writable > 0);
    expect(sendHandles(near, 1)).toBe(ANNOUNCED_MAX + 1);
    await waitUntil('the last', () => farSees.records.length === ANNOUNCED_MAX + 1);
    expect([nearSees.ends, farSees.ends]).toEqual([[], []]);
    near.close();
    far.close();
  });

  it('never make a violation of a sender that fills up while its peer is at it', async () => {
    // The read cursor passes a whole batch of records before the first of them is handled.
    const { near, far, farSees } = startedPair();
    while (sendHandles(near, 1) !== undefined);
    farSees.onEach = () => {
      const number = farSees.records.length;
      if (number === 1) {
        while (sendHandles(near, 1) !== undefined);
        // Taking it in reads all that is on the control stream before it.
        const section = near.sections.tryPlace([Uint8Array.of(1)], 1);
        expect([...far.sections.take(section!)]).toEqual([1]);
      }
      for (const fd of far.companions.takeHandles(number)) native.close(fd);
    };
    await waitUntil('all', () => farSees.records.length === 2 * ANNOUNCED_MAX);
    expect(farSees.ends).toEqual([]);
    near.close();
    far.close();
  });
});

describe('credentials', () => {
  it('are what the kernel vouches for, message by message', async () => {
    const { near, far, farSees } = startedPair({ wantsCredentials: true });
    near.tryClaim(1);
    const id = near.companions.tryPlaceCredentials()!;
    near.commit(1);
    let seen: unknown;
    farSees.onEach = () => (seen = far.companions.takeCredentials(id));
    await waitUntil('the message', () => farSees.records.length === 1);
    expect(seen).toEqual({
      pid: process.pid,
      uid: process.geteuid!(),
      gid: process.getegid!(),
    });
    expect(codeOf(() => far.companions.takeCredentials(id))).toBe('PROTOCOL_ERROR');
    near.close();
    far.close();
  });

  it('wait when 64 are unread', async () => {
    const { near, far, farSees, nearSees } = startedPair({ wantsCredentials: true });
    let sent = 0;
    while (near.companions.tryPlaceCredentials() !== undefined) {
      sendRecord(near, [1]);
      sent++;
    }
    expect(sent).toBe(ANNOUNCED_MAX);
    await waitUntil('room', () => nearSees.writable > 0);
    expect(near.companions.tryPlaceCredentials()).toBe(ANNOUNCED_MAX + 1);
    expect(farSees.ends).toEqual([]);
    near.close();
    far.close();
  });
});

describe('a peer that breaks the rules of companions', () => {
  async function expectViolation(
    harm: (send: (bytes: number[], fds: number[]) => void) => void,
    limits = LINK_LIMITS,
  ): Promise<void> {
    const lone = loneLink(native, LINK_OPTIONS);
    const sees = new Recorder();
    lone.link.start(sees, limits);
    harm((bytes, fds) => {
      const token = Uint8Array.from(bytes);
      native.sendWith(lone.stream.far, token, 0, token.length, Int32Array.from(fds), 0);
      for (const fd of fds) native.close(fd);
    });
    await waitUntil('the end', () => sees.ends.length > 0).finally(() => lone.link.close());
    expect(sees.ends).toEqual([{ kind: 'violation', text: expect.stringMatching(/^Cannot /) }]);
    native.revoke(lone.peerRegion.mapping);
    native.close(lone.stream.far);
  }

  const token = (id: number, count: number): number[] => [
    CONTROL_TOKEN.HANDLES,
    count,
    0,
    0,
    id % 256,
    id >> 8,
    0,
    0,
  ];

  it('is ended for handles where nobody wants any, and they are closed', async () => {
    await expectViolation((send) => send(token(1, 2), memfds(2)), { recordBytesMax: 2040 });
  });

  it('is ended for a number that is taken, and for 0', async () => {
    await expectViolation((send) => {
      send(token(1, 1), memfds(1));
      send(token(1, 4), memfds(4));
    });
    await expectViolation((send) => send(token(0, 4), memfds(4)));
  });

  it('is ended for handles without end', async () => {
    await expectViolation((send) => {
      for (let id = 1; id <= 2 * ANNOUNCED_MAX + 1; id++) send(token(id, 1), memfds(1));
    });
  });

  it('is ended for credentials that nobody wants', async () => {
    await expectViolation((send) => send([CONTROL_TOKEN.CREDENTIALS, 0, 0, 0, 1, 0, 0, 0], []));
  });

  it('is ended when it claims to have read what was never sent', async () => {
    const lone = loneLink(native, LINK_OPTIONS);
    const sees = new Recorder();
    lone.link.start(sees, LINK_LIMITS);
    sendHandles(lone.link, 1);
    Atomics.store(lone.peerRegion.words, WORD.IN_HEAD, 800);
    lone.link.tryClaim(1);
    // Its socket is closed, and may be somebody else's number by now.
    expect(lone.link.companions.tryPlaceHandles([0])).toBeUndefined();
    expect(lone.link.companions.tryPlaceCredentials()).toBeUndefined();
    expect(lone.link.sections.tryPlace([new Uint8Array(9)], 9)).toBeUndefined();
    native.revoke(lone.peerRegion.mapping);
    native.close(lone.stream.far);
    await waitUntil('the end', () => sees.ends.length > 0);
    expect(sees.ends).toMatchObject([{ kind: 'violation' }]);
  });
});
