/*
 * Threat: the peer says that it consumed sections it never had, announces more than it may, or
 * announces descriptors that are no sections, or shorter than the message says.
 */
import { ftruncateSync, openSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { deflateRaw, inflateRawSync } from 'node:zlib';

import { SEAL, errnoName, type NativeBinding } from '@portcall/native';
import { SECTION_TOKEN_BYTES, SECTION_TOKEN_OFFSET } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import {
  codeOf,
  connectedStream,
  nativeBinding,
  sparseMemfd,
  type Stream,
} from '../test/support/native.js';
import { WORD, bodyOf, memoryRegion } from '../test/support/ring-pair.js';
import { ControlStream } from './control-stream.js';
import { SECTIONS_IN_FLIGHT_MAX, ShmSections } from './shm-sections.js';

const native = nativeBinding();
const MIB = 1024 * 1024;
const LIMITS = { maxSectionSize: 4 * MIB, maxTotalSectionSize: 8 * MIB };
const SEALED_FROM_BYTES = 3 * MIB;
const SEALS = SEAL.SHRINK | SEAL.GROW | SEAL.SEAL;
const FINAL_SEALS = SEALS | SEAL.WRITE;

/** Two ends of a connection as far as sections go. */
class Pair {
  readonly stream: Stream = connectedStream(native);
  readonly senderWords = memoryRegion().words;
  readonly receiverWords = memoryRegion().words;
  spaceWaits = 0;
  socketWaits = 0;
  onSpaceWait: () => void = () => undefined;
  readonly sender: ShmSections;
  readonly receiver: ShmSections = new ShmSections({
    native,
    fd: this.stream.far,
    ownWords: this.receiverWords,
    peerWords: this.senderWords,
    limits: LIMITS,
    sealedFromBytes: SEALED_FROM_BYTES,
    readControl: () => this.control.read() === 'more',
    endByViolation: (error) => {
      throw error;
    },
    waitForSpace: () => undefined,
    waitForSocket: () => undefined,
  });
  readonly control = new ControlStream(
    native,
    this.stream.far,
    {
      onSection: (sectionId, fd) => this.receiver.onAnnounced(sectionId, fd),
      onHandles: () => undefined,
      onCredentials: () => undefined,
    },
    false,
  );

  /** @param senderNative the sender's system calls */
  constructor(senderNative: NativeBinding = native) {
    this.sender = new ShmSections({
      native: senderNative,
      fd: this.stream.near,
      ownWords: this.senderWords,
      peerWords: this.receiverWords,
      limits: LIMITS,
      sealedFromBytes: SEALED_FROM_BYTES,
      readControl: () => false,
      endByViolation: (error) => {
        throw error;
      },
      waitForSpace: () => {
        this.spaceWaits++;
        this.onSpaceWait();
      },
      waitForSocket: () => this.socketWaits++,
    });
  }

  close(): void {
    this.sender.close();
    this.receiver.close();
    this.control.close();
    this.stream.close();
  }
}

let base: string[] = [];
let pair: Pair;

beforeEach(() => {
  base = openDescriptors();
  pair = new Pair();
});
afterEach(async () => {
  pair.close();
  await expectDescriptors(base);
});

function place(bytes: Uint8Array): { readonly sectionId: number; readonly lengthBytes: number } {
  const reference = pair.sender.tryPlace([bytes], bytes.length);
  if (reference === undefined) throw new Error('no room');
  return reference;
}

/** Announces a descriptor of the test's own making, as a hostile peer would. */
function announce(sectionId: number, fd: number, sizeBytes = 100, kind = 0): void {
  const token = new Uint8Array(SECTION_TOKEN_BYTES);
  const view = new DataView(token.buffer);
  view.setUint8(0, 2);
  view.setUint8(1, kind);
  view.setUint32(SECTION_TOKEN_OFFSET.SECTION_ID, sectionId, true);
  view.setUint32(SECTION_TOKEN_OFFSET.SIZE_LOW, sizeBytes, true);
  expect(native.send(pair.stream.near, token, 0, token.length, fd)).toBe(SECTION_TOKEN_BYTES);
  native.close(fd);
}

function sealedMemfd(bytes: number, seals = SEALS): number {
  const fd = native.memfdCreate('section', bytes);
  native.addSeals(fd, seals);
  return fd;
}

describe('tryPlace() and take()', () => {
  it('bring the bytes over, in parts of any length', () => {
    const parts = [bodyOf(1, 100_000), new Uint8Array(0), bodyOf(2, 1), bodyOf(3, 70_000)];
    const reference = pair.sender.tryPlace(parts, 170_001);
    const taken = pair.receiver.take(reference!);
    expect(Buffer.concat(parts).equals(taken)).toBe(true);
    expect(taken.buffer.byteLength).toBe(170_001);
  });

  it('bring several over in order, whenever the announcements are read', () => {
    const references = Array.from({ length: 5 }, (_, index) =>
      place(bodyOf(index, 50_000 + index)),
    );
    references.forEach((reference, index) => {
      const taken = pair.receiver.take(reference);
      expect(Buffer.compare(taken, bodyOf(index, 50_000 + index))).toBe(0);
    });
  });

  it('throw MESSAGE_TOO_LONG over the limit of one section', () => {
    const tooLong = LIMITS.maxSectionSize + 1;
    expect(codeOf(() => pair.sender.tryPlace([], tooLong))).toBe('MESSAGE_TOO_LONG');
  });

  it('use a section again once it was consumed', () => {
    place(bodyOf(1, 60_000));
    const used = openDescriptors().length;
    for (let index = 0; index < 20; index++) {
      pair.receiver.take({ sectionId: index + 1, lengthBytes: 60_000 });
      const taken = place(bodyOf(index, 60_000));
      expect(taken.sectionId).toBe(index + 2);
    }
    expect(openDescriptors()).toHaveLength(used);
  });

  it('do not show what a section held before', () => {
    pair.receiver.take(place(bodyOf(1, 60_000)));
    const reference = place(Uint8Array.of(7));
    expect([...pair.receiver.take(reference)]).toEqual([7]);
  });

  it('keep no more than 32 MiB of free sections', () => {
    for (let round = 0; round < 3; round++) {
      const references = Array.from({ length: 2 }, () => place(new Uint8Array(4 * MIB)));
      for (const reference of references) pair.receiver.take(reference);
    }
    place(new Uint8Array(100)); // Reclaims.
    expect(openDescriptors().length - base.length).toBeLessThanOrEqual(2 + 4 + 1);
  });
});

describe('a sealed section', () => {
  const LENGTH = SEALED_FROM_BYTES + 5;

  /** Bytes of sections that this process has mapped. */
  function mappedBytes(): number {
    const lines = readFileSync('/proc/self/maps', 'latin1').split('\n');
    return lines
      .filter((line) => line.includes('memfd:portcall-section'))
      .map((line) => line.split(' ', 1)[0]!.split('-'))
      .reduce((sum, [from, to]) => sum + Number.parseInt(to!, 16) - Number.parseInt(from!, 16), 0);
  }

  it('is mapped, not copied: no byte of it is read or written to take it', () => {
    const before = mappedBytes();
    const reference = place(bodyOf(1, LENGTH));
    const readAt = vi.spyOn(native, 'readAt');
    const taken = pair.receiver.take(reference);
    expect(readAt).not.toHaveBeenCalled();
    readAt.mockRestore();
    expect(Buffer.compare(taken, bodyOf(1, LENGTH))).toBe(0);
    expect(taken.buffer.byteLength).toBe(LENGTH);
    expect(mappedBytes() - before).toBe(Math.ceil(LENGTH / 4096) * 4096);
    pair.receiver.giveBack(taken);
    expect(mappedBytes()).toBe(before);
    expect(taken.every((byte) => byte === 0)).toBe(true);
  });

  it('may be written to by its receiver: the memory is its own', () => {
    const fd = native.memfdCreate('own', LENGTH);
    expect(native.addSeals(fd, FINAL_SEALS)).toBe(0);
    const others = new Uint8Array(native.map(fd, LENGTH, 0) as ArrayBuffer);
    announce(1, fd, LENGTH, 1);
    const taken = pair.receiver.take({ sectionId: 1, lengthBytes: LENGTH });
    taken.fill(9);
    expect(taken[LENGTH - 1]).toBe(9);
    expect(others.every((byte) => byte === 0)).toBe(true);
  });

  it('is not kept by its sender, and counts until it was taken', () => {
    const sections = [place(bodyOf(1, LENGTH)), place(bodyOf(2, LENGTH))];
    expect(openDescriptors().length - base.length).toBe(2);
    expect(pair.sender.tryPlace([bodyOf(3, LENGTH)], LENGTH)).toBeUndefined();
    for (const section of sections) pair.receiver.take(section);
    expect(openDescriptors().length - base.length).toBe(2);
    expect(pair.sender.tryPlace([bodyOf(3, LENGTH)], LENGTH)).toBeDefined();
  });

  it('is copied while the receiver holds as much as it may, until it gives some back', () => {
    const before = mappedBytes();
    const taken = [1, 2].map((seed) => pair.receiver.take(place(bodyOf(seed, LENGTH))));
    const held = mappedBytes() - before;
    const copied = pair.receiver.take(place(bodyOf(3, LENGTH)));
    expect(Buffer.compare(copied, bodyOf(3, LENGTH))).toBe(0);
    expect(mappedBytes() - before).toBe(held);
    for (const bytes of taken) {
      pair.receiver.giveBack(bytes);
      pair.receiver.giveBack(bytes);
    }
    pair.receiver.take(place(bodyOf(4, LENGTH)));
    expect(mappedBytes() - before).toBe(held / 2);
  });

  it('that is short is copied', () => {
    const before = mappedBytes();
    announce(1, sealedMemfd(100, FINAL_SEALS), 100, 1);
    expect(pair.receiver.take({ sectionId: 1, lengthBytes: 100 })).toHaveLength(100);
    expect(mappedBytes()).toBe(before);
  });

  it.each([
    ['against nothing', 0],
    ['as those that are copied', SEALS],
    ['not against shrinking', FINAL_SEALS & ~SEAL.SHRINK],
    ['not against growing', FINAL_SEALS & ~SEAL.GROW],
    ['not against seals', FINAL_SEALS & ~SEAL.SEAL],
    ['against future writes only', SEALS | SEAL.FUTURE_WRITE],
  ])('ends the link when it is sealed %s', (_, seals) => {
    announce(1, sealedMemfd(LENGTH, seals), LENGTH, 1);
    const take = () => pair.receiver.take({ sectionId: 1, lengthBytes: LENGTH });
    expect(codeOf(take)).toBe('PROTOCOL_ERROR');
  });

  it.each([
    ['longer than announced', () => sealedMemfd(LENGTH + 1, FINAL_SEALS)],
    ['a page longer', () => sealedMemfd(LENGTH + 4096, FINAL_SEALS)],
    ['shorter than announced', () => sealedMemfd(LENGTH - 1, FINAL_SEALS)],
    ['empty', () => sealedMemfd(0, FINAL_SEALS)],
    ['an ordinary file', () => openSync('/etc/hostname', 'r')],
    ['a device', () => openSync('/dev/zero', 'r')],
    ['a directory', () => openSync('/tmp', 'r')],
    [
      'sparse',
      () => {
        const fd = sparseMemfd(native, LENGTH);
        native.addSeals(fd, FINAL_SEALS);
        return fd;
      },
    ],
  ])('ends the link when it is %s', (_, make) => {
    announce(1, make(), LENGTH, 1);
    const take = () => pair.receiver.take({ sectionId: 1, lengthBytes: LENGTH });
    expect(codeOf(take)).toBe('PROTOCOL_ERROR');
  });

  it('cannot be sealed by one who could still write to it', () => {
    const fd = native.memfdCreate('writable', 4096);
    const writable = native.map(fd, 4096, 1) as ArrayBuffer;
    expect(errnoName(native.addSeals(fd, SEAL.WRITE))).toBe('EBUSY');
    native.revoke(writable);
    expect(native.addSeals(fd, SEAL.WRITE)).toBe(0);
    expect(errnoName(native.writeAt(fd, Uint8Array.of(1), 0, 1, 0))).toBe('EPERM');
    native.close(fd);
  });

  it.each([2, 3, 255])('of kind %i is none', (kind) => {
    announce(1, sealedMemfd(100, FINAL_SEALS), 100, kind);
    expect(codeOf(() => pair.control.read())).toBe('PROTOCOL_ERROR');
  });
});

describe('giveBack()', () => {
  it.each([1000, 60_000, MIB + 1, 4 * MIB])('leaves zeros of %i bytes', (length) => {
    const taken = pair.receiver.take(place(bodyOf(1, length)));
    pair.receiver.giveBack(taken);
    pair.receiver.giveBack(taken);
    expect(taken.length).toBe(length);
    expect(taken.every((byte) => byte === 0)).toBe(true);
  });

  it('is safe while other threads read it', async () => {
    const deflate = promisify(deflateRaw);
    for (let round = 0; round < 4; round++) {
      const taken = pair.receiver.take(place(bodyOf(round, 4 * MIB)));
      let isDone = false;
      const work = Promise.all([deflate(taken), deflate(taken)]).finally(() => (isDone = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(isDone).toBe(false);
      pair.receiver.giveBack(taken);
      for (const result of await work) expect(inflateRawSync(result).length).toBe(4 * MIB);
    }
  });
});

describe('a socket that does not take a section', () => {
  /** A sender whose announcements fail so. */
  const failing = (errno: number): Pair => {
    pair.close();
    pair = new Pair({ ...native, send: () => -errno });
    return pair;
  };

  it.each([
    ['EAGAIN', 11],
    ['EPIPE', 32],
    ['ECONNRESET', 104],
  ])('%s is no room now', (_, errno) => {
    const { sender } = failing(errno);
    expect(sender.tryPlace([bodyOf(1, 100)], 100)).toBeUndefined();
    expect(pair.socketWaits).toBe(1);
  });

  it.each([
    ['ETOOMANYREFS', 109],
    ['ENOBUFS', 105],
    ['ENOMEM', 12],
  ])('%s is an error of the message: waiting for room would never end', (_, errno) => {
    const { sender } = failing(errno);
    expect(codeOf(() => sender.tryPlace([bodyOf(1, 100)], 100))).toBe('QUOTA_EXCEEDED');
    expect(pair.socketWaits).toBe(0);
  });
});

describe('what is in flight', () => {
  it('is bounded in number: then undefined, and a wait for space', () => {
    for (let index = 0; index < SECTIONS_IN_FLIGHT_MAX; index++) place(bodyOf(index, 10));
    expect(pair.sender.tryPlace([bodyOf(0, 10)], 10)).toBeUndefined();
    expect(pair.spaceWaits).toBe(1);
    for (let id = 1; id <= 3; id++) pair.receiver.take({ sectionId: id, lengthBytes: 10 });
    expect(pair.sender.tryPlace([bodyOf(0, 10)], 10)).toBeDefined();
  });

  it('is bounded in bytes', () => {
    place(new Uint8Array(4 * MIB));
    place(new Uint8Array(4 * MIB));
    expect(pair.sender.tryPlace([new Uint8Array(1)], 1)).toBeUndefined();
    pair.receiver.take({ sectionId: 1, lengthBytes: 4 * MIB });
    expect(pair.sender.tryPlace([new Uint8Array(1)], 1)).toBeDefined();
  });

  it('is looked at once more after the wait was announced', () => {
    for (let index = 0; index < SECTIONS_IN_FLIGHT_MAX; index++) place(bodyOf(index, 10));
    pair.onSpaceWait = () => void pair.receiver.take({ sectionId: 1, lengthBytes: 10 });
    expect(pair.sender.tryPlace([bodyOf(0, 10)], 10)).toBeDefined();
  });

  it('is not counted when the socket is full', () => {
    while (native.ringDoorbell(pair.stream.near) === 1);
    expect(pair.sender.tryPlace([bodyOf(0, 10)], 10)).toBeUndefined();
    expect(pair.socketWaits).toBe(1);
    native.receive(pair.stream.far, new Uint8Array(65_536), new Int32Array(1));
    while (native.receive(pair.stream.far, new Uint8Array(65_536), new Int32Array(1)) > 0);
    const reference = place(bodyOf(3, 10));
    expect(reference.sectionId).toBe(1);
    expect([...pair.receiver.take(reference)]).toEqual([...bodyOf(3, 10)]);
  });
});

describe('a peer that lies about what it consumed', () => {
  it.each([1, 2, 1000, 2 ** 31, 2 ** 32 - 1])('ends the link: %i of none', (count) => {
    Atomics.store(pair.receiverWords, WORD.SECTIONS_CONSUMED, count | 0);
    expect(codeOf(() => pair.sender.tryPlace([bodyOf(0, 10)], 10))).toBe('PROTOCOL_ERROR');
  });

  it('ends the link when it goes back', () => {
    pair.receiver.take(place(bodyOf(1, 10)));
    place(bodyOf(2, 10));
    Atomics.store(pair.receiverWords, WORD.SECTIONS_CONSUMED, 0);
    expect(codeOf(() => pair.sender.tryPlace([bodyOf(0, 10)], 10))).toBe('PROTOCOL_ERROR');
  });
});

describe('a peer that lies about a section', () => {
  it('ends the link for one that was not announced', () => {
    const reference = { sectionId: 5, lengthBytes: 10 };
    expect(codeOf(() => pair.receiver.take(reference))).toBe('PROTOCOL_ERROR');
  });

  it('ends the link for one that was taken already', () => {
    const reference = place(bodyOf(1, 10));
    pair.receiver.take(reference);
    expect(codeOf(() => pair.receiver.take(reference))).toBe('PROTOCOL_ERROR');
  });

  it('ends the link for an id that is announced twice', () => {
    announce(1, sealedMemfd(100));
    announce(1, sealedMemfd(100));
    expect(codeOf(() => pair.control.read())).toBe('PROTOCOL_ERROR');
  });

  it('ends the link for more than may be in flight', () => {
    for (let id = 1; id <= SECTIONS_IN_FLIGHT_MAX + 1; id++) announce(id, sealedMemfd(10));
    expect(
      codeOf(() => {
        for (let reads = 0; reads < 10; reads++) pair.control.read();
      }),
    ).toBe('PROTOCOL_ERROR');
  });

  it.each([
    ['longer than its memory', () => sealedMemfd(100), 101],
    [
      'longer than the limit',
      () => sealedMemfd(LIMITS.maxSectionSize + 4096),
      LIMITS.maxSectionSize + 1,
    ],
    ['of 4 GiB', () => sealedMemfd(100), 2 ** 32 - 1],
    ['not sealed', () => native.memfdCreate('section', 100), 10],
    ['not sealed against shrinking', () => sealedMemfd(100, SEALS & ~SEAL.SHRINK), 10],
    ['not sealed against growing', () => sealedMemfd(100, SEALS & ~SEAL.GROW), 10],
    ['not sealed against seals', () => sealedMemfd(100, SEALS & ~SEAL.SEAL), 10],
    ['an ordinary file', () => openSync('/etc/hostname', 'r'), 1],
    ['a device', () => openSync('/dev/zero', 'r'), 10],
    ['a directory', () => openSync('/tmp', 'r'), 10],
    ['empty', () => sealedMemfd(0), 1],
  ])('ends the link for one that is %s', (_, make, lengthBytes) => {
    announce(1, make());
    expect(codeOf(() => pair.receiver.take({ sectionId: 1, lengthBytes }))).toBe('PROTOCOL_ERROR');
  });

  it('reads zeros from one whose memory was never allocated', () => {
    const fd = sparseMemfd(native, 5000);
    native.addSeals(fd, SEALS);
    announce(1, fd, 5000);
    const taken = pair.receiver.take({ sectionId: 1, lengthBytes: 5000 });
    expect(taken.every((byte) => byte === 0)).toBe(true);
  });

  it('refuses a message of another length than was announced, and an id of 0', () => {
    announce(1, sealedMemfd(100));
    expect(codeOf(() => pair.receiver.take({ sectionId: 1, lengthBytes: 99 }))).toBe(
      'PROTOCOL_ERROR',
    );
    announce(0, sealedMemfd(100));
    expect(codeOf(() => pair.receiver.take({ sectionId: 0, lengthBytes: 100 }))).toBe(
      'PROTOCOL_ERROR',
    );
  });

  it('counts a refused section as consumed: the peer gets its place back', () => {
    announce(1, native.memfdCreate('section', 100));
    codeOf(() => pair.receiver.take({ sectionId: 1, lengthBytes: 10 }));
    expect(Atomics.load(pair.receiverWords, WORD.SECTIONS_CONSUMED)).toBe(1);
  });

  it('cannot shrink one that we are about to read', () => {
    const fd = sealedMemfd(100);
    expect(() => ftruncateSync(fd, 1)).toThrow(/EPERM/);
    announce(1, fd);
    expect(pair.receiver.take({ sectionId: 1, lengthBytes: 100 })).toHaveLength(100);
  });
});
