import { describe, expect, it } from 'vitest';

import { explore, interleave, type Exploration, type Party } from '../test/support/explore.js';
import {
  SMALL_RING_BYTES,
  WORD,
  batchBodies,
  bodyOf,
  memoryRegion,
  ringPair,
  send,
  wordOf,
} from '../test/support/ring-pair.js';
import { RingConsumer } from './ring-consumer.js';
import { RingProducer } from './ring-producer.js';
import { WakeWords } from './wake-words.js';

function wakePair(): {
  readonly sender: WakeWords;
  readonly sleeper: WakeWords;
  words: Int32Array;
} {
  const { words } = memoryRegion();
  const { words: senderWords } = memoryRegion();
  return {
    sender: new WakeWords(senderWords, words),
    sleeper: new WakeWords(words, senderWords),
    words,
  };
}

describe('sleep() and wake()', () => {
  it('make the epoch odd while this side sleeps', () => {
    const { sleeper, words } = wakePair();
    const seen = [() => sleeper.sleep(), () => sleeper.wake(), () => sleeper.sleep()].map((act) => {
      act();
      return Atomics.load(words, WORD.SLEEP_EPOCH);
    });
    expect(seen).toEqual([1, 2, 3]);
  });

  it('do nothing the second time', () => {
    const { sleeper, words } = wakePair();
    sleeper.wake();
    expect(Atomics.load(words, WORD.SLEEP_EPOCH)).toBe(0);
    sleeper.sleep();
    sleeper.sleep();
    expect(Atomics.load(words, WORD.SLEEP_EPOCH)).toBe(1);
  });
});

describe('peerNeedsRecordBell()', () => {
  it('is false while the peer is awake', () => {
    const { sender, sleeper } = wakePair();
    expect(sender.peerNeedsRecordBell()).toBe(false);
    sleeper.sleep();
    sleeper.wake();
    expect(sender.peerNeedsRecordBell()).toBe(false);
  });

  it('is true once for each sleep', () => {
    const { sender, sleeper } = wakePair();
    for (let round = 0; round < 3; round++) {
      sleeper.sleep();
      expect(sender.peerNeedsRecordBell()).toBe(true);
      expect(sender.peerNeedsRecordBell()).toBe(false);
      sleeper.wake();
    }
  });

  it('takes any odd number that a peer writes, once', () => {
    const { sender, words } = wakePair();
    for (const epoch of [2 ** 32 - 1, 7, 2 ** 31 + 1]) {
      Atomics.store(words, WORD.SLEEP_EPOCH, epoch | 0);
      expect(sender.peerNeedsRecordBell()).toBe(true);
      expect(sender.peerNeedsRecordBell()).toBe(false);
    }
  });
});

describe('peerNeedsSpaceBell()', () => {
  it('is true once for each wait of the peer', () => {
    const pair = ringPair();
    const receiver = new WakeWords(pair.reader.words, pair.writer.words);
    expect(receiver.peerNeedsSpaceBell()).toBe(false);
    pair.producer.announceWait();
    expect(receiver.peerNeedsSpaceBell()).toBe(true);
    expect(receiver.peerNeedsSpaceBell()).toBe(false);
    pair.producer.stopWaiting();
    expect(receiver.peerNeedsSpaceBell()).toBe(false);
    pair.producer.announceWait();
    expect(receiver.peerNeedsSpaceBell()).toBe(true);
  });
});

/** Everything one schedule works on. */
interface Stage {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  readonly senderWake: WakeWords;
  readonly receiverWake: WakeWords;
  /** Doorbells that wait in the sockets. */
  readonly bells: { toReceiver: number; toSender: number };
  readonly received: number[];
}

function setStage(): Stage {
  const { producer, consumer, writer, reader } = ringPair();
  return {
    producer,
    consumer,
    senderWake: new WakeWords(writer.words, reader.words),
    receiverWake: new WakeWords(reader.words, writer.words),
    bells: { toReceiver: 0, toSender: 0 },
    received: [],
  };
}

/** Bugs that the explorer must find. */
type Plant = 'none' | 'no look after sleep' | 'bell before commit' | 'look before sleep';

/** Sends records as a link does: commit, look at the epoch, ring. */
function* sendRecords(stage: Stage, count: number, plant: Plant): Party {
  for (let number = 1; number <= count; number++) {
    let bell = false;
    if (plant === 'bell before commit') {
      bell = stage.senderWake.peerNeedsRecordBell();
      yield;
    }
    send(stage.producer, Uint8Array.of(number));
    yield;
    if (plant !== 'bell before commit') bell = stage.senderWake.peerNeedsRecordBell();
    if (bell) {
      yield;
      stage.bells.toReceiver++;
    }
    yield;
  }
}

/** Receives as a link does: drain, say that it sleeps, look again, block. */
function* receiveRecords(stage: Stage, plant: Plant): Party {
  const { consumer, receiverWake, bells, received } = stage;
  for (;;) {
    while (consumer.copyBatch()) {
      for (const [number] of batchBodies(consumer)) received.push(number ?? 0);
      yield;
    }
    if (plant === 'look before sleep' && consumer.hasRecords()) continue;
    if (plant === 'look before sleep') yield;
    receiverWake.sleep();
    yield;
    if (plant === 'none' || plant === 'bell before commit') {
      if (consumer.hasRecords()) {
        receiverWake.wake();
        yield;
        continue;
      }
    }
    yield () => bells.toReceiver > 0;
    receiverWake.wake();
    yield;
    bells.toReceiver = 0;
    yield;
  }
}

function exploreRecords(count: number, plant: Plant): Exploration {
  return explore((choose) => {
    const stage = setStage();
    interleave([sendRecords(stage, count, plant), receiveRecords(stage, plant)], choose);
    const wanted = Array.from({ length: count }, (_, index) => index + 1);
    if (String(stage.received) === String(wanted)) return undefined;
    return `received ${stage.received.join()} of ${count}, then slept`;
  });
}

/** Fills the ring and waits for room: mark, look again, block. */
function* sendMoreThanFits(stage: Stage, count: number, looksAgain: boolean): Party {
  const { producer, bells } = stage;
  for (let number = 1; number <= count; number++) {
    const body = bodyOf(number, producer.recordBytesMax);
    body[0] = number;
    while (!send(producer, body)) {
      yield;
      const hasRoom = producer.waitForSpace(body.length);
      if (!hasRoom || !looksAgain) {
        yield () => bells.toSender > 0;
        bells.toSender = 0;
      }
      yield;
      producer.stopWaiting();
      yield;
    }
    yield;
  }
}

/** Polls for records, and rings for room after each batch. */
function* receiveAndMakeRoom(stage: Stage, count: number): Party {
  const { consumer, receiverWake, bells, received } = stage;
  while (received.length < count) {
    yield () => consumer.hasRecords();
    consumer.copyBatch();
    for (const [number] of batchBodies(consumer)) received.push(number ?? 0);
    yield;
    if (receiverWake.peerNeedsSpaceBell()) {
      yield;
      bells.toSender++;
    }
    yield;
  }
}

function exploreRoom(count: number, looksAgain: boolean): Exploration {
  return explore((choose) => {
    const stage = setStage();
    interleave(
      [sendMoreThanFits(stage, count, looksAgain), receiveAndMakeRoom(stage, count)],
      choose,
    );
    return stage.received.length === count ? undefined : `stuck after ${stage.received.length}`;
  });
}

describe('every interleaving of sender and sleeper', () => {
  it.each([1, 2])('delivers all of %i records: no wake-up is lost', (count) => {
    const { schedules, failure } = exploreRecords(count, 'none');
    expect(failure).toBeUndefined();
    expect(schedules).toBeGreaterThan(count * 10);
  });

  it('finds the lost wake-up when the sleeper does not look again', () => {
    expect(exploreRecords(1, 'no look after sleep').failure?.text).toMatch(/then slept/);
  });

  it('finds the lost wake-up when the sleeper looks before it says that it sleeps', () => {
    expect(exploreRecords(1, 'look before sleep').failure?.text).toMatch(/then slept/);
  });

  it('finds the lost wake-up when the sender looks at the epoch before it commits', () => {
    expect(exploreRecords(1, 'bell before commit').failure?.text).toMatch(/then slept/);
  });
});

describe('every interleaving of a full ring and its reader', () => {
  it('sends all of three records of half a ring', () => {
    expect(exploreRoom(3, true).failure).toBeUndefined();
  });

  it('finds the lost wake-up when the sender does not look again', () => {
    expect(exploreRoom(3, false).failure?.text).toMatch(/stuck/);
  });
});

describe('a sender to a sleeper', () => {
  it('rings once, however many records it sends', () => {
    const stage = setStage();
    stage.receiverWake.sleep();
    let rings = 0;
    for (let index = 0; index < 10; index++) {
      send(stage.producer, bodyOf(index, 8));
      if (stage.senderWake.peerNeedsRecordBell()) rings++;
    }
    expect(rings).toBe(1);
  });

  it('sees the epoch wrap at 2^32', () => {
    const pair = ringPair(SMALL_RING_BYTES);
    const sender = new WakeWords(pair.writer.words, pair.reader.words);
    Atomics.store(pair.reader.words, WORD.SLEEP_EPOCH, -1);
    expect(sender.peerNeedsRecordBell()).toBe(true);
    Atomics.store(pair.reader.words, WORD.SLEEP_EPOCH, 0);
    expect(sender.peerNeedsRecordBell()).toBe(false);
    Atomics.store(pair.reader.words, WORD.SLEEP_EPOCH, 1);
    expect(sender.peerNeedsRecordBell()).toBe(true);
    expect(wordOf(pair.reader, WORD.SLEEP_EPOCH)).toBe(1);
  });
});
