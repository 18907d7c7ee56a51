import type { Socket } from 'node:net';

import { isPortError } from '@portcall/wire';

import { BatchBuffer } from './batch-buffer.js';
import { PLAIN_CAPABILITIES } from './capabilities.js';
import type {
  Link,
  LinkEnd,
  LinkHandler,
  PeerIdentity,
  RecordClaim,
  TransportCapabilities,
} from './contract.js';
import { RecordStream } from './record-stream.js';

/** Bytes that may wait in the socket and in the batch before claims are refused. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** Largest record body on a stream: what a u32 length can state, with room for alignment. */
const RECORD_BYTES_MAX = 0x7ffffff0;

/** How long a closing side waits for the peer to take the last bytes, in milliseconds. */
const LINGER_MS = 1000;

/** Records over a stream socket. The socket is its own from construction on. */
export class SocketLink implements Link {
  readonly peer: PeerIdentity | undefined;
  readonly capabilities: TransportCapabilities;
  readonly transportName = 'socket';
  readonly recordBytesMax = RECORD_BYTES_MAX;
  readonly sections = undefined;
  readonly companions = undefined;
  readonly #socket: Socket;
  readonly #batch = new BatchBuffer();
  readonly #early: Uint8Array;
  #handler: LinkHandler | undefined;
  #stream: RecordStream | undefined;
  #flushQueued = false;
  #wantsRoom = false;
  #ended = false;

  /** @param early bytes that arrived behind the handshake frame */
  constructor(socket: Socket, peer: PeerIdentity | undefined, early: Uint8Array) {
    this.#socket = socket;
    this.peer = peer;
    this.capabilities = { ...PLAIN_CAPABILITIES, identity: peer !== undefined };
    this.#early = early;
    socket.pause();
    socket.setTimeout(0);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  start(handler: LinkHandler, limits: { readonly recordBytesMax: number }): void {
    this.#handler = handler;
    this.#stream = new RecordStream(handler, limits);
    const socket = this.#socket;
    socket.on('data', (piece) => this.#receive(plainBytes(piece as Uint8Array)));
    socket.on('drain', () => this.#onRoom());
    socket.on('error', () => undefined); // 'close' follows and says the same.
    socket.on('close', () => this.#end({ kind: 'ended' }));
    socket.on('end', () => this.#end({ kind: 'ended' }));
    if (this.#early.length > 0) this.#receive(plainBytes(this.#early));
    if (socket.destroyed) process.nextTick(() => this.#end({ kind: 'ended' }));
    else socket.resume();
  }

  tryClaim(minBytes: number): RecordClaim | undefined {
    if (minBytes > RECORD_BYTES_MAX) {
      throw new RangeError(
        `Cannot claim record: length is ${minBytes} bytes, limit is ${RECORD_BYTES_MAX} bytes`,
      );
    }
    if (this.#ended) return undefined;
    if (this.#socket.writableLength + this.#batch.committedBytes > HIGH_WATER_BYTES) {
      this.#wantsRoom = true;
      this.#queueFlush();
      return undefined;
    }
    return this.#batch.claim(minBytes);
  }

  commit(lengthBytes: number): void {
    this.#batch.commit(lengthBytes);
    this.#queueFlush();
  }

  abort(): void {
    // The claim moved no cursor; the next one starts at the same place.
  }

  flush(): void {
    this.#flushQueued = false;
    if (this.#ended) return;
    for (const piece of this.#batch.take()) this.#socket.write(piece);
    if (this.#wantsRoom && !this.#socket.writableNeedDrain) this.#onRoom();
  }

  drain(): void {
    // What has arrived is still in the kernel; only the event loop can read it.
  }

  wait(): boolean {
    throw new TypeError('Cannot wait: only the event loop can read this link');
  }

  isPeerAlive(): boolean | undefined {
    return undefined; // The stream tells of its end, not of the process.
  }

  mark(): number {
    return 0;
  }

  wasConsumed(): boolean {
    return true; // A stream does not tell what the peer has read.
  }

  setRef(on: boolean): void {
    if (on) this.#socket.ref();
    else this.#socket.unref();
  }

  close(peerIsDone = false): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    const socket = this.#socket;
    // A peer that still writes would be stopped by our absence before it has read what is its own.
    // One that is done only reads.
    socket.end(() => {
      if (peerIsDone) socket.destroy();
    });
    // A peer that does not read must not keep the socket for ever. Nor is it gone before it is
    // closed: until then it takes its place.
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    const tell = (): void => {
      clearTimeout(timer);
      this.#tellEnd({ kind: 'local' });
    };
    if (socket.closed) tell();
    else socket.once('close', tell);
  }

  #queueFlush(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    process.nextTick(() => this.flush());
  }

  #onRoom(): void {
    if (!this.#wantsRoom || this.#ended) return;
    this.#wantsRoom = false;
    this.#handler?.onWritable();
  }

  #receive(piece: Uint8Array): void {
    if (this.#ended) return;
    try {
      this.#stream?.push(piece);
    } catch (error) {
      if (!isPortError(error)) throw error;
      this.#end({ kind: 'violation', text: error.message });
    }
  }

  #end(end: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#tellEnd(end);
  }

  #tellEnd(end: LinkEnd): void {
    const handler = this.#handler;
    process.nextTick(() => handler?.onEnd(end));
  }
}

/** The same memory without Buffer's methods: its `slice` is no copy. */
function plainBytes(piece: Uint8Array): Uint8Array {
  return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
}
