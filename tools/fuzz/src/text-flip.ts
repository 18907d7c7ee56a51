import { openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import { SEAL, loadNative, type NativeBinding } from '@portcall/native';
import { MessageReader } from '@portcall/rpc';
import { Everything } from '@portcall/testing';
import { RECORD_HEADER_BYTES, REGION_HEADER_BYTES, REGION_OFFSET } from '@portcall/wire';

import { textOf } from './fuzz-target.js';
import { loadInternal, type RingConsumerModule, type SectionsModule } from './internal-modules.js';

/** Where the message is: in a ring that is copied out, in a section that is; or read in place. */
export type FlipKind = 'ring' | 'section' | 'planted';

/** What the attacking thread is told. */
export interface FlipTask {
  /** Word 0: stop. Word 1: rounds. */
  readonly control: SharedArrayBuffer;
  /** The memory to change; else that of the section. */
  readonly memory: SharedArrayBuffer | undefined;
  readonly sectionFd: number;
  readonly offset: number;
  /** Two messages of the same length and shape. */
  readonly messages: readonly [Uint8Array, Uint8Array];
  readonly seed: number;
}

/** What an attack came to. */
export interface FlipResult {
  /** Times the victim read the message. */
  readonly reads: number;
  /** Of those, how often it could be decoded. */
  readonly decoded: number;
  /** Of those, how often it was neither of the two messages: the attack had an effect. */
  readonly mixed: number;
  /** Rounds of the attacker. */
  readonly rounds: number;
  /** What was promised and did not hold. */
  readonly faults: readonly string[];
}

/** Sizes of messages, in bytes of text. */
export const FLIP_SIZES = [64, 500, 4096, 16_384, 65_536] as const;

/** Twice the longest record, which is what a ring must be. */
const RING_BYTES = 256 * 1024;

/** Reads between two looks at the clock. */
const READS_AT_ONCE = 16;

const FAULTS_MAX = 5;

/**
 * Reads a message again and again while another thread changes it.
 *
 * Promised is: what is decoded is one private copy, which may be a mixture of what was written.
 * Decoded twice it gives the same; texts are UTF-8 and of the copy's bytes; or there is an error.
 */
export async function flipTexts(
  kind: FlipKind,
  sizeBytes: number,
  limits: { readonly timeMs: number; readonly seed: number },
): Promise<FlipResult> {
  const messages = [messageOf('a', sizeBytes), messageOf('b', sizeBytes)] as const;
  const source =
    kind === 'section' ? await sectionSource(messages[0]) : await ringSource(kind, messages[0]);
  const control = new SharedArrayBuffer(8);
  const words = new Int32Array(control);
  const task: FlipTask = { ...source.place, control, messages, seed: limits.seed };
  const thread = new Worker(new URL('./flip-thread.js', import.meta.url), { workerData: task });
  const ended = new Promise<void>((resolve, reject) => {
    thread.once('error', reject);
    thread.once('exit', () => resolve());
  });
  try {
    while (Atomics.load(words, 1) === 0) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1))]);
    }
    return { ...readFor(limits.timeMs, source.read, messages), rounds: Atomics.load(words, 1) };
  } finally {
    Atomics.store(words, 0, 1);
    await ended;
    source.close();
  }
}

interface Source {
  readonly place: Pick<FlipTask, 'memory' | 'sectionFd' | 'offset'>;
  /** The message's bytes, as the transport hands them on. */
  readonly read: () => Uint8Array;
  readonly close: () => void;
}

async function ringSource(kind: FlipKind, message: Uint8Array): Promise<Source> {
  const module = await loadInternal<RingConsumerModule>('@portcall/shm', 'ring-consumer');
  const memory = new SharedArrayBuffer(REGION_HEADER_BYTES + RING_BYTES);
  const recordBytes = RECORD_HEADER_BYTES + message.length;
  new DataView(memory).setUint32(REGION_HEADER_BYTES, recordBytes, true);
  new DataView(memory).setUint32(REGION_HEADER_BYTES + 4, 1, true);
  const offset = REGION_HEADER_BYTES + RECORD_HEADER_BYTES;
  new Uint8Array(memory).set(message, offset);
  const words = new Int32Array(memory, 0, REGION_HEADER_BYTES / 4);
  Atomics.store(words, REGION_OFFSET.OUT_TAIL / 4, (recordBytes + 7) & ~7);
  // The reader may not know that it is shared with a thread, as it does not with a process.
  const mapping = memory as unknown as ArrayBuffer;
  const peer = { mapping, words, ringBytes: RING_BYTES };
  const ownWords = new Int32Array(REGION_HEADER_BYTES / 4);
  const copied = (): Uint8Array => {
    const consumer = new module.RingConsumer(peer, ownWords);
    consumer.copyBatch();
    const at = consumer.next();
    return consumer.bytes.subarray(at + RECORD_HEADER_BYTES, at + recordBytes);
  };
  // The planted victim saves the copy.
  const inPlace = (): Uint8Array => new Uint8Array(memory, offset, message.length);
  return {
    place: { memory, sectionFd: -1, offset },
    read: kind === 'planted' ? inPlace : copied,
    close: () => undefined,
  };
}

async function sectionSource(message: Uint8Array): Promise<Source> {
  const module = await loadInternal<SectionsModule>('@portcall/shm', 'shm-sections');
  const native = addon();
  const sectionFd = native.memfdCreate('portcall-flip', message.length);
  native.addSeals(sectionFd, SEAL.SHRINK | SEAL.GROW | SEAL.SEAL);
  native.writeAt(sectionFd, message, 0, message.length, 0);
  const words = (): Int32Array => new Int32Array(REGION_HEADER_BYTES / 4);
  const sections = new module.ShmSections({
    native,
    fd: -1,
    ownWords: words(),
    peerWords: words(),
    limits: { maxSectionSize: RING_BYTES, maxTotalSectionSize: RING_BYTES },
    readControl: () => false,
  });
  let sectionId = 0;
  return {
    place: { memory: undefined, sectionFd, offset: 0 },
    read: () => {
      const fd = openSync(`/proc/self/fd/${sectionFd}`, 'r');
      sections.onAnnounced(++sectionId, { fd, sizeBytes: message.length });
      return sections.take({ sectionId, lengthBytes: message.length });
    },
    close: () => {
      native.close(sectionFd);
      sections.close();
    },
  };
}

function addon(): NativeBinding {
  const { binding, reason } = loadNative();
  if (binding === undefined) throw new Error(`Cannot flip sections: ${reason}`);
  return binding;
}

/** Texts, bytes and maps of one letter, about `sizeBytes` long. */
function messageOf(letter: string, sizeBytes: number): Uint8Array {
  const text = letter.repeat(Math.max(1, Math.floor(sizeBytes / 4)));
  const key = letter.repeat(8);
  const message = Everything.fromPartial({
    stringValue: text,
    bytesValue: Buffer.from(text),
    strings: [key, text],
    counts: new Map([[key, 7]]),
    names: new Map([[5, text]]),
    nested: { label: key, child: { label: key } },
  });
  return Everything.encode(message).finish();
}

function readFor(
  timeMs: number,
  read: () => Uint8Array,
  messages: readonly Uint8Array[],
): Omit<FlipResult, 'rounds'> {
  const wanted = new Set(messages.map((bytes) => outcomeOf(bytes)));
  const faults: string[] = [];
  const counts = { reads: 0, decoded: 0, mixed: 0 };
  const giveUpAt = performance.now() + timeMs;
  while (performance.now() < giveUpAt && faults.length < FAULTS_MAX) {
    for (let count = 0; count < READS_AT_ONCE; count++) {
      const bytes = read();
      const before = outcomeOf(bytes);
      const after = outcomeOf(bytes);
      counts.reads++;
      if (before !== undefined) counts.decoded++;
      if (before === undefined || !wanted.has(before)) counts.mixed++;
      if (before !== after) faults.push(`decoded twice: "${cut(before)}", then "${cut(after)}"`);
      // The attacker writes neither a replacement character nor half of a surrogate pair.
      if (before !== undefined && /\ufffd|\\ud[89a-f]/.test(before))
        faults.push(`is no text: "${cut(before)}"`);
    }
  }
  return { ...counts, faults };
}

const reader = new MessageReader();

/** What is decoded, as text; nothing where it is an error. */
function outcomeOf(bytes: Uint8Array): string | undefined {
  const { buffer, byteOffset: offset, length: lengthBytes } = bytes;
  const whole = { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
  try {
    reader.begin({ ...whole, offset, lengthBytes, isPrivate: false }, 0);
    return textOf(Everything.decode(reader));
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function cut(text: string | undefined): string {
  return text === undefined ? 'an error' : text.slice(0, 100);
}
