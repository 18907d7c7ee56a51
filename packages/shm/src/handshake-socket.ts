import { WATCH_EVENT, errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  FrameAssembler,
  encodeFrame,
  handshakeBroken,
  handshakeTimeout,
  type Frame,
  type PeerIdentity,
} from '@portcall/transport';
import { PortError } from '@portcall/wire';

import { FdWatch } from './fd-watch.js';
import { readPeerIdentity } from './peer-identity.js';

/** Bytes read at once; a handshake is rarely longer than one read. */
const READ_BYTES = 8192;

/** A frame, the bytes behind it, and the descriptor that came with it (−1: none). */
export interface ReceivedHandshake {
  readonly frame: Frame;
  readonly rest: Uint8Array;
  /** Owner: the caller. */
  readonly passedFd: number;
}

/**
 * A connected socket in its handshake: one frame out, one frame in, at most one descriptor with
 * each. It owns its descriptors until `release()` hands them on.
 */
export class HandshakeSocket {
  /** The process at the other end; `undefined` where the kernel does not say. */
  readonly peer: PeerIdentity | undefined;
  readonly #native: NativeBinding;
  readonly #fd: number;
  readonly #pidfd: number;
  readonly #watch: FdWatch;
  readonly #assembler = new FrameAssembler();
  readonly #bytes = new Uint8Array(READ_BYTES);
  readonly #descriptors = new Int32Array(3);
  #passedFd = -1;
  /** Ends a `receive` that still waits. */
  #failReceive: (() => void) | undefined;
  #open = true;

  /** @throws SystemError when the event loop cannot watch it; `fd` is then closed */
  constructor(native: NativeBinding, fd: number) {
    this.#native = native;
    this.#fd = fd;
    const { identity, pidfd } = readPeerIdentity(native, fd);
    this.peer = identity;
    this.#pidfd = pidfd;
    try {
      this.#watch = new FdWatch(native, fd, () => undefined);
    } catch (error) {
      native.close(fd);
      if (pidfd >= 0) native.close(pidfd);
      throw error;
    }
    this.#watch.setEvents(0);
  }

  /** False once it was closed or released. */
  get isOpen(): boolean {
    return this.#open;
  }

  /**
   * Sends a frame, with a descriptor when `passFd` ≥ 0 (which stays the caller's).
   *
   * @throws PortError DISCONNECTED when the other side has gone
   */
  send(frame: Frame, passFd = -1): void {
    const bytes = encodeFrame(frame);
    // A fresh socket has room for a whole frame (64 KiB against 208 KiB): no partial sends.
    const sent = this.#native.send(this.#fd, bytes, 0, bytes.length, passFd);
    if (sent === bytes.length) return;
    throw handshakeBroken('peer', sent < 0 ? systemError('sendmsg', sent) : undefined);
  }

  /**
   * Waits for the other side's frame. Closes the socket when it fails.
   *
   * @throws PortError DISCONNECTED, TIMEOUT, PROTOCOL_ERROR
   */
  receive(address: string, timeoutMs: number): Promise<ReceivedHandshake> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        this.#failReceive = undefined;
        this.close();
        reject(error);
      };
      this.#failReceive = () => fail(handshakeBroken(address));
      const timer = setTimeout(() => fail(handshakeTimeout(address, timeoutMs)), timeoutMs);
      const take = (): void => {
        try {
          const frame = this.#read(address);
          if (frame === undefined) return;
          clearTimeout(timer);
          this.#failReceive = undefined;
          this.#watch.setEvents(0);
          const passedFd = this.#passedFd;
          this.#passedFd = -1;
          resolve({ frame, rest: this.#assembler.takeRest(), passedFd });
        } catch (error) {
          fail(error);
        }
      };
      this.#watch.listener = take;
      this.#watch.setEvents(WATCH_EVENT.READABLE);
      take(); // Often it is there already.
    });
  }

  /** Calls back once when the other side hangs up or, against the rules, says more. */
  watchEnd(onEnd: () => void): void {
    this.#watch.listener = () => {
      this.#watch.setEvents(0);
      onEnd();
    };
    this.#watch.setEvents(WATCH_EVENT.READABLE);
  }

  /** Hands the descriptors and the watch to whoever makes a link of them. */
  release(): { readonly fd: number; readonly pidfd: number; readonly watch: FdWatch } {
    this.#open = false;
    return { fd: this.#fd, pidfd: this.#pidfd, watch: this.#watch };
  }

  /** Ends the connection. Safe to call twice, and after `release()` without effect. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    if (this.#passedFd >= 0) this.#native.close(this.#passedFd);
    if (this.#pidfd >= 0) this.#native.close(this.#pidfd);
    this.#native.close(this.#fd);
    this.#failReceive?.();
  }

  #read(address: string): Frame | undefined {
    for (;;) {
      // No byte behind the frame: it may carry a descriptor that is none of the handshake's.
      const room = this.#bytes.subarray(0, this.#assembler.missingBytes);
      const count = this.#native.receive(this.#fd, room, this.#descriptors);
      if (count < 0 && errnoName(count) === 'EAGAIN') return undefined;
      if (count < 0) throw handshakeBroken(address, systemError('recvmsg', count));
      this.#takeDescriptor();
      if (count === 0) throw handshakeBroken(address);
      const frame = this.#assembler.push(room.subarray(0, count));
      if (frame !== undefined) return frame;
    }
  }

  #takeDescriptor(): void {
    const [count = 0, first = -1, second = -1] = this.#descriptors;
    if (count === 0) return;
    if (count === 1 && this.#passedFd < 0) {
      this.#passedFd = first;
      return;
    }
    if (count >= 1) this.#native.close(first);
    if (count >= 2) this.#native.close(second);
    throw new PortError('PROTOCOL_ERROR', 'Cannot read handshake: too many descriptors came');
  }
}
