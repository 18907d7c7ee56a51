import { errnoName, type NativeBinding } from '@portcall/native';
import type { MessageCredentials } from '@portcall/transport';
import {
  CONTROL_TOKEN,
  HANDLES_MAX,
  PortError,
  SECTION_KIND,
  SECTION_TOKEN_BYTES,
  SECTION_TOKEN_OFFSET,
  SHORT_TOKEN_BYTES,
  SHORT_TOKEN_OFFSET,
} from '@portcall/wire';

import { knownCredentials } from './peer-identity.js';

/** Bytes read at once: far more than one doorbell per sleep and one token per section amount to. */
const READ_BYTES = 4096;

/** Reads per wake-up: a peer that rings without end must not hold the event loop. */
const READS_MAX = 16;

/** Room for descriptors: a read ends behind the first that come; one more to notice a violation. */
const DESCRIPTOR_ROOM = HANDLES_MAX + 1;

/** What the control stream brought: all there was, a part of it, or its end. */
export type ControlState = 'open' | 'more' | 'ended';

/** A section as its token announces it. */
export interface AnnouncedSection {
  /** `undefined` when this process had no descriptor left to take it with. */
  readonly fd: number | undefined;
  /** Bytes of data. */
  readonly sizeBytes: number;
  /** Nobody can write to it any more, says the peer. */
  readonly isSealed: boolean;
}

/**
 * Called for each announcement that is complete; what comes with it is then the
 * callee's. Handles are none when this process had no descriptors left to take them with.
 */
export interface ControlListener {
  onSection(sectionId: number, section: AnnouncedSection): void;
  onHandles(batchId: number, fds: readonly number[]): void;
  onCredentials(credentialsId: number, credentials: MessageCredentials): void;
}

/**
 * The stream of a shared-memory connection after the handshake: doorbells, and announcements with
 * their descriptors or credentials. Layout in `wire/control-layout.ts`.
 */
export class ControlStream {
  readonly #native: NativeBinding;
  readonly #fd: number;
  readonly #listener: ControlListener;
  readonly #wantsCredentials: boolean;
  readonly #bytes = new Uint8Array(READ_BYTES);
  readonly #descriptors = new Int32Array(1 + DESCRIPTOR_ROOM);
  readonly #token = new Uint8Array(SECTION_TOKEN_BYTES);
  readonly #tokenView = new DataView(this.#token.buffer);
  #tokenFilled = 0;
  #tokenBytes = 0;
  /** Who sent the bytes that are being read, and who the first byte of the token. */
  readonly #sender = new Float64Array(3).fill(-1);
  readonly #tokenSender = new Float64Array(3);
  /** Descriptors whose announcement is not complete. */
  #waiting: readonly number[] = [];
  /** Descriptors came, and this process has none left to take them with. */
  #hasLost = false;

  /** @param wantsCredentials SO_PASSCRED is on */
  constructor(
    native: NativeBinding,
    fd: number,
    listener: ControlListener,
    wantsCredentials: boolean,
  ) {
    this.#native = native;
    this.#fd = fd;
    this.#listener = listener;
    this.#wantsCredentials = wantsCredentials;
  }

  /**
   * Reads what is there.
   *
   * @throws PortError PROTOCOL_ERROR when it is not what the stream may carry
   */
  read(): ControlState {
    for (let reads = 0; reads < READS_MAX; reads++) {
      const count = this.#receive();
      if (count < 0) {
        const name = errnoName(count);
        if (name === 'EAGAIN') return 'open';
        if (name === 'ECONNRESET') continue; // Reported once; what was sent before is still there.
        return 'ended';
      }
      this.#takeDescriptors();
      if (count === 0) return 'ended';
      this.push(this.#bytes.subarray(0, count));
      // A short read is the last, unless it ended behind descriptors or before another sender's
      // bytes.
      const wasCut = this.#descriptors[0] !== 0 || this.#wantsCredentials;
      if (count < READ_BYTES && !wasCut) return 'open';
    }
    return 'more';
  }

  /** Takes bytes of the stream. @throws PortError PROTOCOL_ERROR */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#tokenFilled === 0) this.#beginToken(byte);
      else this.#continueToken(byte);
    }
    if ((this.#waiting.length > 0 || this.#hasLost) && this.#tokenFilled === 0) {
      throw broken('a descriptor came without an announcement');
    }
  }

  /** Closes descriptors that still wait for their announcement. */
  close(): void {
    for (const fd of this.#waiting) this.#native.close(fd);
    this.#waiting = [];
  }

  #receive(): number {
    const native = this.#native;
    if (!this.#wantsCredentials) {
      return native.receive(this.#fd, this.#bytes, this.#descriptors);
    }
    return native.receiveWith(this.#fd, this.#bytes, this.#descriptors, this.#sender);
  }

  #takeDescriptors(): void {
    const count = this.#descriptors[0] ?? 0;
    if (count === 0) return;
    const arrived = [...this.#descriptors.subarray(1, 1 + Math.min(count, DESCRIPTOR_ROOM))];
    if (count > 0 && count <= HANDLES_MAX && this.#waiting.length === 0) {
      this.#waiting = arrived;
      return;
    }
    if (count < 0 && this.#waiting.length === 0) {
      // The buffer has room for as many as can be sent at once: this process has no more.
      this.#hasLost = true;
      return;
    }
    if (count > 0) for (const fd of arrived) this.#native.close(fd);
    throw broken(count < 0 ? 'descriptors were cut off' : `${count} descriptors came at once`);
  }

  #beginToken(byte: number): void {
    if (byte === CONTROL_TOKEN.DOORBELL) return;
    if (byte < CONTROL_TOKEN.SECTION || byte > CONTROL_TOKEN.CREDENTIALS) {
      throw broken(`token is ${byte}`);
    }
    this.#token[0] = byte;
    this.#tokenFilled = 1;
    this.#tokenBytes = byte === CONTROL_TOKEN.SECTION ? SECTION_TOKEN_BYTES : SHORT_TOKEN_BYTES;
    this.#tokenSender.set(this.#sender);
  }

  #continueToken(byte: number): void {
    if (this.#sender.some((field, index) => field !== this.#tokenSender[index])) {
      throw broken('two processes sent one announcement');
    }
    this.#token[this.#tokenFilled++] = byte;
    if (this.#tokenFilled < this.#tokenBytes) return;
    this.#tokenFilled = 0;
    const [token, second = 0, ...zeros] = this.#token.subarray(0, SECTION_TOKEN_OFFSET.SECTION_ID);
    if (zeros.some((zero) => zero !== 0) || (token === CONTROL_TOKEN.CREDENTIALS && second !== 0)) {
      throw broken('reserved bytes of an announcement are set');
    }
    if (token === CONTROL_TOKEN.HANDLES) this.#announceHandles(second);
    else if (token === CONTROL_TOKEN.SECTION) this.#announceSection(second);
    else this.#announceCredentials();
  }

  #announceSection(kind: number): void {
    if (kind > SECTION_KIND.SEALED) throw broken(`section is of kind ${kind}`);
    const [fd] = this.#takeWaiting(1);
    const view = this.#tokenView;
    const id = view.getUint32(SECTION_TOKEN_OFFSET.SECTION_ID, true);
    const low = view.getUint32(SECTION_TOKEN_OFFSET.SIZE_LOW, true);
    const high = view.getUint32(SECTION_TOKEN_OFFSET.SIZE_HIGH, true);
    this.#listener.onSection(id, {
      fd,
      sizeBytes: high * 0x100000000 + low,
      isSealed: kind === SECTION_KIND.SEALED,
    });
  }

  #announceHandles(count: number): void {
    if (count < 1 || count > HANDLES_MAX) throw broken(`${count} handles are announced`);
    const fds = this.#takeWaiting(count);
    this.#listener.onHandles(this.#tokenView.getUint32(SHORT_TOKEN_OFFSET.ID, true), fds);
  }

  #announceCredentials(): void {
    // Whom our namespace has no number for the kernel cannot vouch for here, either.
    const credentials = knownCredentials(this.#tokenSender);
    if (credentials === undefined) throw broken('credentials were announced, and none came');
    const id = this.#tokenView.getUint32(SHORT_TOKEN_OFFSET.ID, true);
    this.#listener.onCredentials(id, credentials);
  }

  #takeWaiting(count: number): readonly number[] {
    if (this.#hasLost) {
      this.#hasLost = false;
      return [];
    }
    const fds = this.#waiting;
    if (fds.length !== count) throw broken(`${count} descriptors announced, ${fds.length} came`);
    this.#waiting = [];
    return fds;
  }
}

function broken(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read control stream: ${text}`);
}
