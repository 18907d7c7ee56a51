import { REGION_HEADER_BYTES, REGION_OFFSET, RECORD_OFFSET, isPortError } from '@portcall/wire';

import { Violation, textOf, type FuzzTarget } from '../fuzz-target.js';
import {
  loadInternal,
  type ControlStreamModule,
  type RingConsumerModule,
} from '../internal-modules.js';
import { seedsOf } from '../seeds.js';

const RING_BYTES = 4096;

/** −EAGAIN: nothing more to read. */
const NOTHING_THERE = -11;

/** Number of the first made-up descriptor. */
const FIRST_FD = 1000;

/** The ring and the control stream: what `@portcall/shm` reads of a peer. */
export async function shmTargets(): Promise<FuzzTarget[]> {
  const control = await loadInternal<ControlStreamModule>('@portcall/shm', 'control-stream');
  const ring = await loadInternal<RingConsumerModule>('@portcall/shm', 'ring-consumer');
  return [
    {
      name: 'control-stream',
      codes: [],
      seeds: () => seedsOf('control-stream'),
      decode: (input) => decodeControl(control, input),
    },
    {
      name: 'ring',
      codes: ['PROTOCOL_ERROR'],
      seeds: () => seedsOf('ring'),
      decode: (input) => decodeRing(ring, input),
    },
  ];
}

/**
 * The input is what reads bring, one after the other: descriptors u8 (253 to 255: cut off), length
 * u8, bytes. The first byte says whether credentials come. Each descriptor must end with the
 * listener or be closed, exactly once.
 */
function decodeControl({ ControlStream }: ControlStreamModule, input: Uint8Array): string {
  const open = new Set<number>();
  const calls: unknown[] = [];
  const give = (fd: number, to: string): void => {
    if (!open.delete(fd)) throw new Violation(`descriptor ${fd} went to ${to}, and was not there`);
  };
  const native = new ScriptedReads(input.subarray(1), open, (fd) => give(fd, 'close'));
  const listener = {
    onSection(id: number, section: { readonly fd: number | undefined }): void {
      if (section.fd !== undefined) give(section.fd, 'a section');
      calls.push(['section', id, section]);
    },
    onHandles(id: number, fds: readonly number[]): void {
      for (const fd of fds) give(fd, 'handles');
      calls.push(['handles', id, fds]);
    },
    onCredentials: (id: number, credentials: object) => void calls.push([id, credentials]),
  };
  const stream = new ControlStream(native, 3, listener, (input[0] ?? 0) % 2 === 1);
  try {
    for (let state = 'more'; state === 'more';) state = stream.read();
  } catch (error) {
    if (!isPortError(error) || error.code !== 'PROTOCOL_ERROR') throw error;
    calls.push(error.message);
  } finally {
    stream.close();
  }
  if (open.size > 0) throw new Violation(`descriptors are lost: ${[...open].join()}`);
  return textOf(calls);
}

class ScriptedReads {
  readonly #script: Uint8Array;
  readonly #open: Set<number>;
  readonly close: (fd: number) => number;
  #at = 0;
  #nextFd = FIRST_FD;

  constructor(script: Uint8Array, open: Set<number>, onClose: (fd: number) => void) {
    this.#script = script;
    this.#open = open;
    this.close = (fd) => {
      onClose(fd);
      return 0;
    };
  }

  receive(_fd: number, bytes: Uint8Array, descriptors: Int32Array): number {
    const [count = 0, length = 0] = this.#script.subarray(this.#at, this.#at + 2);
    descriptors[0] = 0;
    if (this.#at + 2 > this.#script.length) return NOTHING_THERE;
    const piece = this.#script.subarray(this.#at + 2, this.#at + 2 + length);
    this.#at += 2 + length;
    bytes.set(piece);
    const isCut = count >= 253;
    descriptors[0] = isCut ? -1 : count;
    // As the addon: what finds no room is closed there.
    const handed = isCut ? 0 : Math.min(count, descriptors.length - 1);
    for (let index = 0; index < handed; index++) {
      descriptors[index + 1] = this.#nextFd;
      this.#open.add(this.#nextFd++);
    }
    return piece.length;
  }

  receiveWith(
    fd: number,
    bytes: Uint8Array,
    descriptors: Int32Array,
    credentials: Float64Array,
  ): number {
    const count = this.receive(fd, bytes, descriptors);
    credentials.set([bytes[1] === 9 ? -1 : 4242, 0, 0]);
    return count;
  }
}

/** The input: where the cursor starts and how far the writer says it is, u32 each; the ring. */
function decodeRing({ RingConsumer }: RingConsumerModule, input: Uint8Array): string {
  const head = Buffer.alloc(8);
  head.set(input.subarray(0, 8));
  const start = (head.readUInt32LE(0) & ~7) >>> 0;
  const mapping = new ArrayBuffer(REGION_HEADER_BYTES + RING_BYTES);
  new Uint8Array(mapping).set(input.subarray(8, 8 + RING_BYTES), REGION_HEADER_BYTES);
  const words = new Int32Array(mapping, 0, REGION_HEADER_BYTES / 4);
  Atomics.store(words, REGION_OFFSET.OUT_TAIL / 4, (start + head.readUInt32LE(4)) | 0);
  const ownWords = new Int32Array(REGION_HEADER_BYTES / 4);
  const consumer = new RingConsumer({ mapping, words, ringBytes: RING_BYTES }, ownWords, start);
  const bodies: string[] = [];
  for (let batches = 0; consumer.copyBatch(); batches++) {
    if (batches > RING_BYTES / 8) throw new Violation('the ring never comes to its end');
    for (let at = consumer.next(); at >= 0; at = consumer.next()) {
      const length = consumer.view.getUint32(at + RECORD_OFFSET.LENGTH, true);
      if (length < 8 || at + length > consumer.bytes.length) {
        throw new Violation(`a record of ${length} bytes at ${at} came through`);
      }
      bodies.push(Buffer.from(consumer.bytes.subarray(at + 8, at + length)).toString('hex'));
    }
  }
  return textOf(bodies);
}
