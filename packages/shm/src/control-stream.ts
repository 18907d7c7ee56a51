import { errnoName, type NativeBinding } from '@portcall/native';
import {
  CONTROL_TOKEN,
  PortError,
  SECTION_TOKEN_BYTES,
  SECTION_TOKEN_OFFSET,
} from '@portcall/wire';

/** Bytes read at once: far more than one doorbell per sleep and one token per section amount to. */
const READ_BYTES = 4096;

/** Reads per wake-up: a peer that rings without end must not hold the event loop. */
const READS_MAX = 16;

/** Room for descriptors: one per section token in a read, and one more to notice a violation. */
const DESCRIPTOR_ROOM = 2;

/** What the control stream brought. */
export type ControlState = 'open' | 'ended';

/** Called for each announced section; the descriptor is then the callee's. */
export type SectionListener = (sectionId: number, fd: number) => void;

/**
 * The stream of a shared-memory connection after the handshake: doorbells, and announcements of
 * sections with their descriptors. Layout in `wire/control-layout.ts`.
 */
export class ControlStream {
  readonly #native: NativeBinding;
  readonly #fd: number;
  readonly #onSection: SectionListener;
  readonly #bytes = new Uint8Array(READ_BYTES);
  readonly #descriptors = new Int32Array(1 + DESCRIPTOR_ROOM);
  readonly #token = new Uint8Array(SECTION_TOKEN_BYTES);
  #tokenFilled = 0;
  /** A descriptor whose announcement is not complete, or −1. */
  #waitingFd = -1;

  constructor(native: NativeBinding, fd: number, onSection: SectionListener) {
    this.#native = native;
    this.#fd = fd;
    this.#onSection = onSection;
  }

  /**
   * Reads what is there.
   *
   * @throws PortError PROTOCOL_ERROR when it is not what the stream may carry
   */
  read(): ControlState {
    for (let reads = 0; reads < READS_MAX; reads++) {
      const count = this.#native.receive(this.#fd, this.#bytes, this.#descriptors);
      if (count < 0) {
        const name = errnoName(count);
        if (name === 'EAGAIN') return 'open';
        if (name === 'ECONNRESET') continue; // Reported once; what was sent before is still there.
        return 'ended';
      }
      this.#takeDescriptors();
      if (count === 0) return 'ended';
      this.push(this.#bytes.subarray(0, count));
      if (count < READ_BYTES && this.#descriptors[0] === 0) return 'open';
    }
    return 'open';
  }

  /** Takes bytes of the stream. @throws PortError PROTOCOL_ERROR */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#tokenFilled > 0) this.#continueToken(byte);
      else if (byte === CONTROL_TOKEN.SECTION) this.#continueToken(byte);
      else if (byte !== CONTROL_TOKEN.DOORBELL) throw broken(`token is ${byte}`);
    }
    if (this.#waitingFd >= 0 && this.#tokenFilled === 0) {
      throw broken('a descriptor came without an announcement');
    }
  }

  /** Closes a descriptor that still waits for its announcement. */
  close(): void {
    if (this.#waitingFd >= 0) this.#native.close(this.#waitingFd);
    this.#waitingFd = -1;
  }

  #takeDescriptors(): void {
    const [count = 0, first = -1, second = -1] = this.#descriptors;
    if (count === 0) return;
    if (count === 1 && this.#waitingFd < 0) {
      this.#waitingFd = first;
      return;
    }
    if (count >= 1) this.#native.close(first);
    if (count >= 2) this.#native.close(second);
    throw broken(count < 0 ? 'descriptors were cut off' : `${count} descriptors came at once`);
  }

  #continueToken(byte: number): void {
    this.#token[this.#tokenFilled++] = byte;
    if (this.#tokenFilled < SECTION_TOKEN_BYTES) return;
    this.#tokenFilled = 0;
    const fd = this.#waitingFd;
    if (fd < 0) throw broken('a section came without its descriptor');
    this.#waitingFd = -1;
    const view = new DataView(this.#token.buffer);
    this.#onSection(view.getUint32(SECTION_TOKEN_OFFSET.SECTION_ID, true), fd);
  }
}

function broken(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read control stream: ${text}`);
}
