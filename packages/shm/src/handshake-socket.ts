import { WATCH_EVENT, errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  FrameAssembler,
  encodeFrame,
  handshakeBroken,
  handshakeTimeout,
  type Frame,
  type MessageCredentials,
  type PeerIdentity,
} from '@portcall/transport';
import { PortError } from '@portcall/wire';

import { FdWatch } from './fd-watch.js';
import {
  identifySender,
  knownCredentials,
  readPeerIdentity,
  type KernelPeer,
} from './peer-identity.js';

/** Bytes read at once; a handshake is rarely longer than one read. */
const READ_BYTES = 8192;

const NO_DESCRIPTORS = new Int32Array(0);

/** A frame, and what came with it. */
export interface ReceivedHandshake {
  readonly frame: Frame;
  /** The descriptor that came with it; −1: none. Owner: the caller. */
  readonly passedFd: number;
  /** Who the kernel says sent it; `undefined` where it says nothing, or nobody that we know. */
  readonly sender: MessageCredentials | undefined;
}

/**
 * A connected socket in its handshake: one frame out, one frame in, at most one descriptor with
 * each. It owns its descriptors until `release()` hands them on.
 */
export class HandshakeSocket {
  readonly #native: NativeBinding;
  readonly #fd: number;
  readonly #watch: FdWatch;
  readonly #assembler = new FrameAssembler();
  readonly #bytes = new Uint8Array(READ_BYTES);
  readonly #descriptors = new Int32Array(3);
  readonly #credentials = new Float64Array(3);
  /** What the first read's credentials were; all other reads must have the same. */
  #firstCredentials: Float64Array | undefined;
  #peer: KernelPeer;
  #passedFd = -1;
  /** Ends a `receive` that still waits. */
  #failReceive: (() => void) | undefined;
  #open = true;

  /** @throws SystemError when the event loop cannot watch it; `fd` is then closed */
  constructor(native: NativeBinding, fd: number) {
    this.#native = native;
    this.#fd = fd;
    this.#peer = readPeerIdentity(native, fd);
    try {
      this.#watch = new FdWatch(native, fd, () => undefined);
    } catch (error) {
      native.close(fd);
      if (this.#peer.pidfd >= 0) native.close(this.#peer.pidfd);
      throw error;
    }
    this.#watch.setEvents(0);
  }

  /** The process at the other end; `undefined` where the kernel does not say. */
  get peer(): PeerIdentity | undefined {
    return this.#peer.identity;
  }

  /** False once it was closed or released. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether there is something to read now, the end of the stream included. */
  isReadable(): boolean {
    // A failed poll says nothing; what is done next will show it.
    return this.#native.wait(this.#fd, WATCH_EVENT.READABLE, -1, 0) > 0;
  }

  /**
   * Sends a frame, with a descriptor when `passFd` ≥ 0 (which stays the caller's), and with this
   * process's effective ids where the kernel would state the real ones and they are others.
   *
   * @throws PortError DISCONNECTED when the other side has gone; QUOTA_EXCEEDED when the kernel
   * takes nothing now, and nothing was sent
   */
  send(frame: Frame, passFd = -1): void {
    const bytes = encodeFrame(frame);
    const fds = passFd < 0 ? NO_DESCRIPTORS : Int32Array.of(passFd);
    const vouched = hasOtherEffectiveIds() ? 1 : 0;
    const sent = this.#native.sendWith(this.#fd, bytes, 0, bytes.length, fds, vouched);
    if (sent === bytes.length) return;
    const cause = sent < 0 ? systemError('sendmsg', sent) : undefined;
    if (cause !== undefined && !/^E(PIPE|CONNRESET|NOTCONN)$/.test(cause.code)) {
      throw new PortError('QUOTA_EXCEEDED', `Cannot send handshake frame: ${cause.code}`, {
        cause,
      });
    }
    // A fresh socket has room for a whole frame (64 KiB against 208 KiB). Where the system was told
    // to give less, half of a frame may be on its way: this connection has no use any more.
    throw handshakeBroken('peer', cause);
  }

  /**
   * Waits for the other side's frame. Does not close the socket when it fails.
   *
   * @throws PortError DISCONNECTED, TIMEOUT, PROTOCOL_ERROR; QUOTA_EXCEEDED when this process had
   * no room for the descriptor that came with it
   */
  receive(address: string, timeoutMs: number): Promise<ReceivedHandshake> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#failReceive = undefined;
        if (this.#open) this.#watch.setEvents(0);
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      this.#failReceive = () => fail(handshakeBroken(address));
      const timer = setTimeout(() => fail(handshakeTimeout(address, timeoutMs)), timeoutMs);
      const take = (): void => {
        try {
          const frame = this.#read(address);
          if (frame === undefined) return;
          settle();
          const passedFd = this.#passedFd;
          this.#passedFd = -1;
          resolve({ frame, passedFd, sender: knownCredentials(this.#credentials) });
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

  /** From now on the peer is who sent the frame, and its death is what counts. */
  becomeSender(sender: MessageCredentials | undefined): void {
    const before = this.#peer;
    this.#peer =
      sender === undefined
        ? { identity: undefined, pidfd: -1 }
        : identifySender(this.#native, sender, before);
    if (before.pidfd >= 0 && before.pidfd !== this.#peer.pidfd) this.#native.close(before.pidfd);
  }

  /** SO_PASSCRED, for what is received from now on. */
  passCredentials(on: boolean): void {
    this.#native.passCredentials(this.#fd, on ? 1 : 0);
  }

  /** Hands the descriptors and the watch to whoever makes a link of them. */
  release(): { readonly fd: number; readonly pidfd: number; readonly watch: FdWatch } {
    this.#open = false;
    return { fd: this.#fd, pidfd: this.#peer.pidfd, watch: this.#watch };
  }

  /** Ends the connection. Safe to call twice, and after `release()` without effect. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    if (this.#passedFd >= 0) this.#native.close(this.#passedFd);
    if (this.#peer.pidfd >= 0) this.#native.close(this.#peer.pidfd);
    this.#native.close(this.#fd);
    this.#failReceive?.();
  }

  #read(address: string): Frame | undefined {
    for (let resets = 0; ;) {
      // No byte behind the frame: it may carry a descriptor that is none of the handshake's.
      const room = this.#bytes.subarray(0, this.#assembler.missingBytes);
      const count = this.#native.receiveWith(this.#fd, room, this.#descriptors, this.#credentials);
      if (count < 0 && errnoName(count) === 'EAGAIN') return undefined;
      // Reported once; what was sent before is still there.
      if (count < 0 && errnoName(count) === 'ECONNRESET' && resets++ === 0) continue;
      if (count < 0) throw handshakeBroken(address, systemError('recvmsg', count));
      this.#takeDescriptor();
      if (count === 0) throw handshakeBroken(address);
      this.#checkCredentials();
      const frame = this.#assembler.push(room.subarray(0, count));
      if (frame !== undefined) return frame;
    }
  }

  /** All of a frame comes from one process. */
  #checkCredentials(): void {
    const first = (this.#firstCredentials ??= this.#credentials.slice());
    if (this.#credentials.every((field, index) => field === first[index])) return;
    throw new PortError('PROTOCOL_ERROR', 'Cannot read handshake: two processes sent one frame');
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
    if (count < 0) {
      // There is room for more than the kernel ever passes at once: this process has none.
      throw new PortError('QUOTA_EXCEEDED', 'Cannot read handshake: out of descriptors');
    }
    throw new PortError('PROTOCOL_ERROR', 'Cannot read handshake: too many descriptors came');
  }
}

function hasOtherEffectiveIds(): boolean {
  return process.geteuid?.() !== process.getuid?.() || process.getegid?.() !== process.getgid?.();
}
