import {
  PLAIN_CAPABILITIES,
  type CompanionSpace,
  type Link,
  type LinkHandler,
  type MessageCredentials,
  type PeerIdentity,
  type RecordClaim,
  type SectionReference,
  type SectionSpace,
} from '@portcall/transport';
import { MESSAGE_HEADER_BYTES, MESSAGE_OFFSET, PortError } from '@portcall/wire';

import {
  emptyHeader,
  readMessageHeader,
  writeInlineHeader,
  type MessageHead,
  type MessageHeader,
} from '../../src/message-header.js';

/** Sections in this process's own memory. */
export class HandSections implements SectionSpace {
  readonly sectionBytesMax: number;
  /** Sections that may still be placed. */
  room = Infinity;
  /** Thrown by the next `tryPlace`. */
  failure: Error | undefined;
  readonly placed = new Map<number, Uint8Array>();
  #lastId = 0;

  constructor(sectionBytesMax: number) {
    this.sectionBytesMax = sectionBytesMax;
  }

  tryPlace(parts: readonly Uint8Array[], totalBytes: number): SectionReference | undefined {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    if (this.room <= 0) return undefined;
    this.room--;
    const sectionId = ++this.#lastId;
    this.placed.set(sectionId, new Uint8Array(Buffer.concat(parts)));
    return { sectionId, lengthBytes: totalBytes };
  }

  take({ sectionId, lengthBytes }: SectionReference): Uint8Array {
    const bytes = this.placed.get(sectionId);
    if (bytes === undefined || bytes.length < lengthBytes) {
      throw new PortError('PROTOCOL_ERROR', `There is no section ${sectionId}`);
    }
    this.placed.delete(sectionId);
    return bytes.subarray(0, lengthBytes);
  }

  giveBack(bytes: Uint8Array): void {
    bytes.fill(0);
  }
}

/** Descriptors and credentials beside the records; a test puts in what came. */
export class HandCompanions implements CompanionSpace {
  room = Infinity;
  /** Thrown by the next `tryPlaceHandles`. */
  failure: Error | undefined;
  readonly handles = new Map<number, readonly number[]>();
  readonly credentials = new Map<number, MessageCredentials>();
  #lastId = 0;

  tryPlaceHandles(fds: readonly number[]): number | undefined {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    if (this.room <= 0) return undefined;
    this.room--;
    this.handles.set(++this.#lastId, fds);
    return this.#lastId;
  }

  takeHandles(batchId: number): readonly number[] {
    const fds = this.handles.get(batchId);
    if (fds === undefined) throw new PortError('PROTOCOL_ERROR', `There is no batch ${batchId}`);
    this.handles.delete(batchId);
    return fds;
  }

  tryPlaceCredentials(): number | undefined {
    if (this.room <= 0) return undefined;
    this.room--;
    this.credentials.set(++this.#lastId, { pid: process.pid, uid: 0, gid: 0 });
    return this.#lastId;
  }

  takeCredentials(credentialsId: number): MessageCredentials {
    const credentials = this.credentials.get(credentialsId);
    if (credentials === undefined) {
      throw new PortError('PROTOCOL_ERROR', `There are no credentials ${credentialsId}`);
    }
    this.credentials.delete(credentialsId);
    return credentials;
  }
}

/** A message that was committed: its header and its data, out of the section too. */
export interface SentMessage extends MessageHeader {
  readonly data: Uint8Array;
}

/** What a peer writes; what is left out is 0. */
export type PeerHead = Partial<MessageHead> & { readonly type: number };

/** What a link by hand may have. */
export interface HandLinkOptions {
  readonly peer?: PeerIdentity;
  readonly sections?: HandSections;
  readonly companions?: HandCompanions;
  readonly recordBytesMax?: number;
}

/**
 * A link whose other end is the test: it says when there is room, sees what is committed, and
 * delivers what the peer is to have sent.
 */
export class HandLink implements Link {
  readonly peer: PeerIdentity | undefined;
  readonly capabilities = PLAIN_CAPABILITIES;
  readonly transportName = 'hand';
  readonly recordBytesMax: number;
  readonly sections: HandSections | undefined;
  readonly companions: HandCompanions | undefined;
  /** Records that may still be committed. */
  room = Infinity;
  readonly sent: SentMessage[] = [];
  handler: LinkHandler | undefined;
  hasEnded = false;
  #claim: RecordClaim | undefined;
  #delivered = 0;

  constructor(options: HandLinkOptions = {}) {
    this.peer = options.peer;
    this.sections = options.sections;
    this.companions = options.companions;
    this.recordBytesMax = options.recordBytesMax ?? 1024 * 1024;
  }

  /** Whether a claim was neither committed nor given back. */
  get isClaimed(): boolean {
    return this.#claim !== undefined;
  }

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  tryClaim(minBytes: number): RecordClaim | undefined {
    if (minBytes > this.recordBytesMax) throw new RangeError(`No record has ${minBytes} bytes`);
    if (this.#claim !== undefined) throw new Error('Claimed twice');
    if (this.room <= 0 || this.hasEnded) return undefined;
    // Never at 0, never clean: whoever counts on that is wrong.
    const bytes = new Uint8Array(8 + minBytes + 64).fill(0xd7);
    const view = new DataView(bytes.buffer);
    this.#claim = { bytes, view, offset: 8, limit: bytes.length };
    return this.#claim;
  }

  commit(lengthBytes: number): void {
    const claim = this.#claim;
    if (claim === undefined) throw new Error('Committed without a claim');
    this.#claim = undefined;
    this.room--;
    const header = emptyHeader();
    readMessageHeader(header, claim.view, claim.offset, lengthBytes);
    const { sectionId, end, dataLength } = header;
    const data = this.sections?.placed.get(sectionId) ?? claim.bytes.slice(end - dataLength, end);
    this.sent.push({ ...header, data });
  }

  abort(): void {
    if (this.#claim === undefined) throw new Error('Aborted without a claim');
    this.#claim = undefined;
  }

  /** The peer sends a message inline. @throws what the handler throws: it ends a real link */
  deliver(head: PeerHead, data: Uint8Array = new Uint8Array(0)): void {
    const bytes = new Uint8Array(8 + MESSAGE_HEADER_BYTES + data.length);
    const view = new DataView(bytes.buffer);
    writeInlineHeader(view, { messageId: 0, status: 0, flags: 0, ...head }, 8, data.length);
    view.setUint32(8 + MESSAGE_OFFSET.SEQUENCE, this.#delivered++, true);
    bytes.set(data, 8 + MESSAGE_HEADER_BYTES);
    this.handler?.onRecord(bytes, view, 8, MESSAGE_HEADER_BYTES + data.length);
  }

  /** There is room for so many more records, and the handler is told. */
  makeRoom(records = Infinity): void {
    this.room = records;
    this.handler?.onWritable();
  }

  flush(): void {
    // The test has seen it when it was committed.
  }

  drain(): void {
    // Nothing arrives but what the test delivers.
  }

  wait(): boolean {
    return false;
  }

  isPeerAlive(): undefined {
    return undefined;
  }

  mark(): number {
    return this.sent.length;
  }

  wasConsumed(): boolean {
    return true;
  }

  setRef(): void {
    // Nothing here keeps a process alive.
  }

  close(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    process.nextTick(() => this.handler?.onEnd({ kind: 'local' }));
  }
}
