import { errnoName, systemError, type NativeBinding } from '@portcall/native';
import type { CompanionSpace, MessageCredentials } from '@portcall/transport';
import {
  ANNOUNCED_MAX,
  CONTROL_TOKEN,
  HANDLES_MAX,
  PortError,
  SHORT_TOKEN_BYTES,
  SHORT_TOKEN_OFFSET,
} from '@portcall/wire';

import { readUntilHeld } from './read-until-held.js';

/**
 * Announcements of one kind that a receiver holds at most: those of messages that are still in the
 * ring, and those of messages that it has copied out and is handling one by one.
 */
const HELD_MAX = 2 * ANNOUNCED_MAX;

const NO_DESCRIPTORS = new Int32Array(0);

/** What companions need of the link they belong to. */
export interface CompanionHost {
  readonly native: NativeBinding;
  /** The control socket. */
  readonly fd: number;
  /**
   * False only when the peer certainly has not read the record that ended at `mark`. Ends the link
   * when the peer's cursor cannot be.
   */
  readonly wasConsumed: (mark: number) => boolean;
  /** Reads the control socket now, for an announcement. @returns whether more may be waiting */
  readonly readControl: () => boolean;
  /** The peer must say when it has read records. */
  readonly waitForSpace: () => void;
  /** The control socket is full. */
  readonly waitForSocket: () => void;
}

/**
 * Descriptors and credentials of messages, announced on the control stream before the message.
 *
 * The peer's read cursor says which of ours it has seen, so that it never holds more than it must.
 */
export class ShmCompanions implements CompanionSpace {
  /** Whether the peer may pass descriptors; otherwise it breaks the protocol by it. */
  takesHandles = false;
  readonly #host: CompanionHost;
  readonly #placedHandles: Placed;
  readonly #placedCredentials: Placed;
  readonly #handles = new Map<number, readonly number[]>();
  readonly #credentials = new Map<number, MessageCredentials>();
  readonly #token = new Uint8Array(SHORT_TOKEN_BYTES);
  readonly #tokenView = new DataView(this.#token.buffer);
  #nextId = 1;
  /** The socket is closed, and its number may be another's: nothing may be sent. */
  #isClosed = false;

  constructor(host: CompanionHost) {
    this.#host = host;
    this.#placedHandles = new Placed(host);
    this.#placedCredentials = new Placed(host);
  }

  tryPlaceHandles(fds: readonly number[]): number | undefined {
    if (fds.length < 1 || fds.length > HANDLES_MAX) {
      throw new RangeError(
        `Cannot place handles: there are ${fds.length}, wanted 1 to ${HANDLES_MAX}`,
      );
    }
    if (!this.#placedHandles.hasRoom() || this.#isClosed) return undefined;
    return this.#announce(CONTROL_TOKEN.HANDLES, Int32Array.from(fds), this.#placedHandles);
  }

  takeHandles(batchId: number): readonly number[] {
    const fds = take(this.#handles, batchId, this.#host.readControl);
    if (fds.length > 0) return fds;
    throw new PortError(
      'QUOTA_EXCEEDED',
      'Cannot take handles: this process has no descriptors left',
      { executed: 'no' },
    );
  }

  tryPlaceCredentials(): number | undefined {
    if (!this.#placedCredentials.hasRoom() || this.#isClosed) return undefined;
    return this.#announce(CONTROL_TOKEN.CREDENTIALS, NO_DESCRIPTORS, this.#placedCredentials);
  }

  takeCredentials(credentialsId: number): MessageCredentials {
    return take(this.#credentials, credentialsId, this.#host.readControl);
  }

  /** A record was committed, which ends at `mark`: it names what was placed since the last one. */
  onCommitted(mark: number): void {
    this.#placedHandles.onCommitted(mark);
    this.#placedCredentials.onCommitted(mark);
  }

  /** The peer announced descriptors: they are ours now. @throws PortError PROTOCOL_ERROR */
  onHandles(batchId: number, fds: readonly number[]): void {
    try {
      if (!this.takesHandles) throw bad('descriptors came, which nobody wants');
      checkRoom(this.#handles, batchId);
      this.#handles.set(batchId, fds);
    } catch (error) {
      for (const fd of fds) this.#host.native.close(fd);
      throw error;
    }
  }

  /** The peer announced credentials. @throws PortError PROTOCOL_ERROR */
  onCredentials(credentialsId: number, credentials: MessageCredentials): void {
    checkRoom(this.#credentials, credentialsId);
    this.#credentials.set(credentialsId, credentials);
  }

  /** Closes every descriptor that nobody took. */
  close(): void {
    this.#isClosed = true;
    for (const fd of [...this.#handles.values()].flat()) this.#host.native.close(fd);
    this.#handles.clear();
    this.#credentials.clear();
  }

  #announce(token: number, fds: Int32Array, placed: Placed): number | undefined {
    const { native, fd, waitForSocket } = this.#host;
    const id = this.#nextId;
    this.#tokenView.setUint8(SHORT_TOKEN_OFFSET.TOKEN, token);
    this.#tokenView.setUint8(SHORT_TOKEN_OFFSET.COUNT, fds.length);
    this.#tokenView.setUint32(SHORT_TOKEN_OFFSET.ID, id, true);
    const vouched = token === CONTROL_TOKEN.CREDENTIALS ? 1 : 0;
    // 8 bytes are one buffer of the kernel: they go whole or not at all.
    const sent = native.sendWith(fd, this.#token, 0, SHORT_TOKEN_BYTES, fds, vouched);
    if (sent !== SHORT_TOKEN_BYTES) {
      checkSent(sent, fds);
      waitForSocket();
      return undefined;
    }
    this.#nextId = id === 0xffffffff ? 1 : id + 1;
    placed.onPlaced();
    return id;
  }
}

/** What this side has placed of one kind, and the peer has not read the message of. */
class Placed {
  readonly #host: CompanionHost;
  /** Ends of the records that name one, in order. */
  readonly #marks: number[] = [];
  /** Placed for a record that was not committed yet. */
  #unnamed = 0;

  constructor(host: CompanionHost) {
    this.#host = host;
  }

  hasRoom(): boolean {
    if (this.#count() < ANNOUNCED_MAX) return true;
    this.#host.waitForSpace();
    // The peer may have read just before it could see that we wait.
    return this.#count() < ANNOUNCED_MAX;
  }

  onPlaced(): void {
    this.#unnamed++;
  }

  onCommitted(mark: number): void {
    for (; this.#unnamed > 0; this.#unnamed--) this.#marks.push(mark);
  }

  #count(): number {
    const unread = this.#marks.findIndex((mark) => !this.#host.wasConsumed(mark));
    this.#marks.splice(0, unread < 0 ? this.#marks.length : unread);
    return this.#marks.length + this.#unnamed;
  }
}

function take<T>(held: Map<number, T>, id: number, readControl: () => boolean): T {
  readUntilHeld(held, id, readControl);
  const value = held.get(id);
  if (value === undefined) throw bad(`${id} was not announced`);
  held.delete(id);
  return value;
}

/** The one place that looks at the number of an announcement. */
function checkRoom(held: ReadonlyMap<number, unknown>, id: number): void {
  if (id === 0 || held.has(id) || held.size >= HELD_MAX) {
    throw bad(`announcement ${id} is one too many or known already`);
  }
}

/** @throws TypeError or PortError, unless there is only no room now, or nobody to send to */
function checkSent(result: number, fds: Int32Array): void {
  const name = errnoName(result);
  if (name === 'EAGAIN' || name === 'EPIPE' || name === 'ECONNRESET') return;
  if (name === 'EBADF' || name === 'EINVAL') {
    throw new TypeError(
      `Cannot place handles: one of ${fds.join(', ')} cannot be passed (${name})`,
    );
  }
  throw new PortError('QUOTA_EXCEEDED', `Cannot announce: sendmsg failed with ${name}`, {
    cause: systemError('sendmsg', result),
  });
}

function bad(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot take companion: ${text}`);
}
