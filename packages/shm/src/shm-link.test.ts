import { setImmediate as nextTurn } from 'node:timers/promises';

import { RECORD_KIND, REGION_HEADER_BYTES } from '@portcall/wire';
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
import { nativeBinding } from '../test/support/native.js';
import { WORD, wordOf } from '../test/support/ring-pair.js';
import { waitUntil } from '../test/support/wait-until.js';

const native = nativeBinding();
let base: string[] = [];
beforeEach(() => void (base = openDescriptors()));
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') await expectDescriptors(base);
});

/** Waits for sides that need a doorbell from then on. @param words of each side */
async function untilAsleep(words: readonly Int32Array[]): Promise<void> {
  const sleeps = (word: Int32Array): boolean => (Atomics.load(word, WORD.SLEEP_EPOCH) & 1) === 1;
  await waitUntil('both to sleep', () => words.every(sleeps));
}

/** Two started links, both asleep. */
async function startedPair() {
  const [near, far, words] = linkPair(native);
  const nearSees = new Recorder();
  const farSees = new Recorder();
  near.start(nearSees, LINK_LIMITS);
  far.start(farSees, LINK_LIMITS);
  await untilAsleep(words);
  return { near, far, nearSees, farSees };
}

describe('a pair of links', () => {
  it('carries records both ways, in order', async () => {
    const { near, far, nearSees, farSees } = await startedPair();
    for (let index = 0; index < 50; index++) {
      sendRecord(near, [index]);
      sendRecord(far, [index, index]);
    }
    await waitUntil('the records', () => nearSees.records.length + farSees.records.length === 100);
    expect(farSees.records.flat()).toEqual(Array.from({ length: 50 }, (_, index) => index));
    near.close();
    await waitUntil('both ends', () => nearSees.ends.length + farSees.ends.length === 2);
    expect(nearSees.ends).toEqual([{ kind: 'local' }]);
    expect(farSees.ends).toEqual([{ kind: 'ended' }]);
  });

  it('delivers all that was committed before the end', async () => {
    const { near, far, farSees } = await startedPair();
    for (let index = 0; index < 30; index++) sendRecord(near, [index]);
    near.close();
    await waitUntil('the end', () => farSees.ends.length === 1);
    expect(farSees.records).toHaveLength(30);
    far.close();
  });

  it('tells a waiting sender that there is room again', async () => {
    const { near, far, nearSees, farSees } = await startedPair();
    let sent = 0;
    while (
      sendRecord(
        near,
        Array.from({ length: 500 }, () => sent % 256),
      )
    )
      sent++;
    await waitUntil('the records', () => farSees.records.length === sent);
    await waitUntil('room', () => nearSees.writable === 1);
    expect(sendRecord(near, [1])).toBe(true);
    near.close();
    far.close();
  });

  it('wakes a receiver that took the doorbell in while it drained', async () => {
    // The doorbell and the announcement of a section come through the same socket: a drain that
    // looks for the section reads the doorbell too, and nothing else will wake this side then.
    const { near, far, farSees } = await startedPair();
    const reference = near.sections.tryPlace([Uint8Array.of(1, 2, 3)], 3);
    farSees.onEach = () => {
      farSees.onEach = undefined;
      expect([...far.sections.take(reference!)]).toEqual([1, 2, 3]);
    };
    sendRecord(near, [1]);
    near.flush();
    far.drain(); // As when a deadline passes: before the event loop has seen the doorbell.
    expect(farSees.records).toEqual([[1]]);
    await nextTurn();
    sendRecord(near, [2]);
    await waitUntil('the second record', () => farSees.records.length === 2, 1000).finally(() => {
      near.close();
      far.close();
    });
  });

  it('needs no doorbell while its loop is busy, and has read it when it sleeps again', async () => {
    const { link, own, peerRegion, stream } = loneLink(native);
    const sees = new Recorder();
    link.start(sees, LINK_LIMITS);
    await untilAsleep([own.words]);
    const view = new DataView(peerRegion.mapping, REGION_HEADER_BYTES);
    const publish = (count: number): void => {
      view.setUint32(8 * count - 8, 8, true);
      view.setUint32(8 * count - 4, RECORD_KIND.MESSAGE, true);
      Atomics.store(peerRegion.words, WORD.OUT_TAIL, 8 * count);
    };
    sees.onEach = () => {
      if (sees.records.length < 3) setImmediate(publish, sees.records.length + 1);
    };
    publish(1);
    native.ringDoorbell(stream.far); // The only one.
    await waitUntil('the records', () => sees.records.length === 3);
    await untilAsleep([own.words]);
    const isReadable = native.wait(stream.near, 1, -1, 0);
    link.close();
    native.revoke(peerRegion.mapping);
    native.close(stream.far);
    expect(isReadable).toBe(0);
  });

  it('hears of room by a doorbell that it reads together with an older one', async () => {
    const { link, own, peerRegion, stream } = loneLink(native);
    const sees = new Recorder();
    link.start(sees, LINK_LIMITS);
    while (sendRecord(link, [1]));
    await untilAsleep([own.words]);
    sees.onEach = () => {
      // When the record was delivered, and before the doorbell for it is read.
      process.nextTick(() => {
        Atomics.store(peerRegion.words, WORD.IN_HEAD, link.mark());
        native.ringDoorbell(stream.far);
      });
    };
    new DataView(peerRegion.mapping, REGION_HEADER_BYTES).setUint32(0, 8, true);
    new DataView(peerRegion.mapping, REGION_HEADER_BYTES).setUint32(4, RECORD_KIND.MESSAGE, true);
    Atomics.store(peerRegion.words, WORD.OUT_TAIL, 8);
    native.ringDoorbell(stream.far);
    await waitUntil('room', () => sees.writable === 1, 1000).finally(() => {
      link.close();
      native.revoke(peerRegion.mapping);
      native.close(stream.far);
    });
  });

  it('goes on when a drain found nothing', async () => {
    const { near, far, farSees } = await startedPair();
    far.drain();
    sendRecord(near, [1]);
    await waitUntil('the record', () => farSees.records.length === 1);
    near.close();
    far.close();
  });

  it('lets a handler close the link while it delivers', async () => {
    const { near, far, farSees } = await startedPair();
    farSees.onEach = () => far.close();
    for (let index = 0; index < 5; index++) sendRecord(near, [index]);
    await waitUntil('the end', () => farSees.ends.length === 1);
    expect(farSees.records).toHaveLength(1);
    expect(farSees.ends).toEqual([{ kind: 'local' }]);
    near.close();
  });

  it('learns of the end when both sides left doorbells unread', async () => {
    // The kernel calls it a reset: poll says "error" while there is still a byte to read.
    const { link, peerRegion, stream } = loneLink(native);
    const sees = new Recorder();
    link.start(sees, LINK_LIMITS);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    native.ringDoorbell(stream.near);
    native.ringDoorbell(stream.far);
    native.close(stream.far);
    await waitUntil('the end', () => sees.ends.length > 0, 1000).finally(() => {
      link.close();
      native.revoke(peerRegion.mapping);
    });
    expect(sees.ends).toEqual([{ kind: 'ended' }]);
  });

  it('may be closed twice, and gives no claims after that', async () => {
    const { near, far, nearSees } = await startedPair();
    near.close();
    near.close();
    near.flush();
    near.drain();
    expect(near.tryClaim(1)).toBeUndefined();
    await waitUntil('the end', () => nearSees.ends.length > 0);
    await nextTurn();
    expect(nearSees.ends).toHaveLength(1);
    far.close();
  });
});

describe('wasConsumed()', () => {
  it('still tells after the end what the peer copied and what it did not', async () => {
    const { link, peerRegion, stream } = loneLink(native);
    link.start(new Recorder(), LINK_LIMITS);
    sendRecord(link, [1]);
    const first = link.mark();
    sendRecord(link, [2]);
    const second = link.mark();
    Atomics.store(peerRegion.words, WORD.IN_HEAD, 16);
    link.close();
    expect([link.wasConsumed(first), link.wasConsumed(second)]).toEqual([true, false]);
    native.revoke(peerRegion.mapping);
    native.close(stream.far);
  });
});

describe('a claim', () => {
  it('keeps its room while sections wait for theirs', () => {
    // The peer consumes a section just when this side has found that no more fit: what limits are
    // read at that moment, so reading them stands for the peer's step.
    let onRead = (): void => undefined;
    const options = {
      ...LINK_OPTIONS,
      get maxTotalSectionSize(): number {
        onRead();
        return 64 * 1024;
      },
    };
    const { link, peerRegion, stream } = loneLink(native, options);
    link.start(new Recorder(), LINK_LIMITS);
    // The write cursor stands 16 bytes before the ring's end: a claim of 48 goes to the start.
    for (let index = 0; index < 3; index++) {
      link.tryClaim(1352);
      link.commit(index === 2 ? 1336 : 1352);
    }
    Atomics.store(peerRegion.words, WORD.IN_HEAD, link.mark());
    expect(link.mark()).toBe(4096 - 32);
    link.tryClaim(0);
    link.commit(8);
    Atomics.store(peerRegion.words, WORD.IN_HEAD, link.mark());
    link.sections.tryPlace([new Uint8Array(10)], 10);
    const claim = link.tryClaim(48);
    onRead = () => Atomics.store(peerRegion.words, WORD.SECTIONS_CONSUMED, 1);
    expect(link.sections.tryPlace([new Uint8Array(10)], 10)).toBeDefined();
    const room = claim!.limit - claim!.offset;
    link.close();
    native.revoke(peerRegion.mapping);
    native.close(stream.far);
    expect(room).toBeGreaterThanOrEqual(48);
  });
});

describe('a link that waits for room', () => {
  it('asks for another bell when the first came for too little', async () => {
    const { link, own, peerRegion, stream } = loneLink(native);
    const sees = new Recorder();
    link.start(sees, LINK_LIMITS);
    const lengths = [16, 1000, 1000, 1000, 1000];
    for (const length of lengths) {
      expect(
        sendRecord(
          link,
          Array.from({ length }, () => 1),
        ),
      ).toBe(true);
    }
    expect(link.tryClaim(1000)).toBeUndefined();
    await untilAsleep([own.words]);
    expect(wordOf(own, WORD.SPACE_EPOCH)).toBe(1);
    Atomics.store(peerRegion.words, WORD.IN_HEAD, 24);
    native.ringDoorbell(stream.far);
    await waitUntil('a new mark', () => wordOf(own, WORD.SPACE_EPOCH) === 3);
    await untilAsleep([own.words]);
    expect(sees.writable).toBe(0);
    Atomics.store(peerRegion.words, WORD.IN_HEAD, 24 + 4 * 1008);
    native.ringDoorbell(stream.far);
    await waitUntil('room', () => sees.writable === 1);
    link.close();
    native.revoke(peerRegion.mapping);
    native.close(stream.far);
  });
});

describe('a peer that breaks the protocol', () => {
  // Threat: the peer may write anything to its region and its end of the socket. It may end this
  // link by that, and nothing else: no throw, no second end, nothing left open.
  async function expectViolation(harm: (peer: ReturnType<typeof loneLink>) => void): Promise<void> {
    const lone = loneLink(native);
    const sees = new Recorder();
    lone.link.start(sees, LINK_LIMITS);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    harm(lone);
    native.ringDoorbell(lone.stream.far);
    await waitUntil('the end', () => sees.ends.length > 0, 1500).finally(() => lone.link.close());
    await nextTurn();
    expect(sees.ends).toEqual([{ kind: 'violation', text: expect.stringMatching(/^Cannot /) }]);
    expect(lone.link.tryClaim(1)).toBeUndefined();
    expect(wordOf(lone.own, WORD.SLEEP_EPOCH)).toBe(0); // Revoked: zeros.
    native.revoke(lone.peerRegion.mapping);
    native.close(lone.stream.far);
  }

  function publish(
    lone: ReturnType<typeof loneLink>,
    tail: number,
    words: readonly number[] = [],
  ): void {
    const view = new DataView(lone.peerRegion.mapping, REGION_HEADER_BYTES);
    words.forEach((word, index) => view.setUint32(4 * index, word, true));
    Atomics.store(lone.peerRegion.words, WORD.OUT_TAIL, tail);
  }

  it('is ended for a write cursor beyond the ring', async () => {
    await expectViolation((lone) => publish(lone, 8192));
  });

  it('is ended for a record of no kind', async () => {
    await expectViolation((lone) => publish(lone, 16, [16, 9]));
  });

  it('is ended for padding that leads backwards', async () => {
    await expectViolation((lone) => {
      publish(lone, 24, [16, RECORD_KIND.MESSAGE, 0, 0, 2 ** 32 - 16, RECORD_KIND.PADDING]);
    });
  });

  it('is ended for a token that is none', async () => {
    await expectViolation((lone) => {
      native.send(lone.stream.far, Uint8Array.of(200), 0, 1, -1);
    });
  });

  it('is ended for a token that is none, though there is a record to deliver first', async () => {
    await expectViolation((lone) => {
      publish(lone, 8, [8, RECORD_KIND.MESSAGE]);
      native.send(lone.stream.far, Uint8Array.of(200), 0, 1, -1);
    });
  });

  it('is ended for a descriptor that nobody announced', async () => {
    await expectViolation((lone) => {
      const fd = native.memfdCreate('passed', 0);
      native.send(lone.stream.far, Uint8Array.of(1), 0, 1, fd);
      native.close(fd);
    });
  });

  it('is ended for a read cursor that lies, when this side sends', async () => {
    await expectViolation((lone) => {
      Atomics.store(lone.peerRegion.words, WORD.IN_HEAD, 4);
      while (sendRecord(lone.link, [1, 2, 3]));
    });
  });

  it('comes to an end for its death, too, when it led the reader in a circle', async () => {
    const lone = loneLink(native);
    const sees = new Recorder();
    lone.link.start(sees, LINK_LIMITS);
    // Delivery after a death has no time limit: the test ends it, and then fails.
    sees.onEach = () => {
      if (sees.records.length > 100) lone.link.close();
    };
    publish(lone, 24, [16, RECORD_KIND.MESSAGE, 0, 0, 2 ** 32 - 16, RECORD_KIND.PADDING]);
    native.close(lone.stream.far);
    await waitUntil('the end', () => sees.ends.length > 0);
    native.revoke(lone.peerRegion.mapping);
    expect(sees.records.length).toBeLessThanOrEqual(1);
  });
});
