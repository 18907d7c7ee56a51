import type { NativeBinding } from '@portcall/native';
import {
  PLAIN_FRAME,
  handshakeBroken,
  type HandshakeState,
  type IncomingLink,
  type DetachedIncoming,
  type Link,
  type LinkOptions,
  type ListenOptions,
  type PeerIdentity,
} from '@portcall/transport';
import { FEATURE, FRAME_TYPE, LAYOUT_HASH, isPortError } from '@portcall/wire';

import type { HandshakeSocket } from './handshake-socket.js';
import { discardRegion, makeShmLink, makeSocketLink, sharedMemoryFields } from './make-link.js';
import { createRegion, importRegion, type Region } from './region.js';

/** What accepting needs of the listener's options. */
export type AcceptOptions = LinkOptions & Pick<ListenOptions, 'wantsCredentials'>;

/** What a client's request is made of; it owns socket and descriptor from then on. */
export interface IncomingParts {
  readonly native: NativeBinding;
  readonly socket: HandshakeSocket;
  readonly state: HandshakeState;
  readonly frame: Parameters<HandshakeSocket['send']>[0];
  /** The client's region; −1: none. */
  readonly passedFd: number;
  readonly options: AcceptOptions;
  /** When the time for the decision is over, on `performance.now()`'s clock. */
  readonly endsAt: number;
  /** There is a decision, or there will be none. */
  readonly onSettled: () => void;
}

/** A client that waits for the decision: state ASKED. */
export class IncomingShm implements IncomingLink {
  /** The client, as the kernel stated it when it connected. */
  readonly peer: PeerIdentity | undefined;
  readonly payload: Uint8Array;
  readonly features: number;
  onGone: (() => void) | undefined;
  readonly #parts: IncomingParts;
  readonly #timer: NodeJS.Timeout;
  #passedFd: number;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
    this.#passedFd = parts.passedFd;
    this.peer = parts.socket.peer;
    this.payload = parts.frame.payload;
    this.features = parts.frame.features;
    parts.socket.watchEnd(() => this.#abandon());
    const leftMs = Math.max(parts.endsAt - performance.now(), 0);
    this.#timer = setTimeout(() => this.#abandon(), leftMs);
  }

  accept(payload: Uint8Array, features = 0): Link {
    const { socket, state } = this.#parts;
    // Any byte of a client that has to wait for us, or its end, which nobody has noticed yet.
    if (state.name === 'ASKED' && socket.isReadable()) this.#abandon();
    if (!state.allows('accept')) throw handshakeBroken('client');
    try {
      return this.#sharesMemory()
        ? this.#acceptShared(payload, features)
        : this.#acceptPlain(payload, features);
    } catch (error) {
      // A caller's mistake, or out of memory or descriptors: nothing was sent, `reject` may follow.
      if (isPortError(error) && error.code !== 'QUOTA_EXCEEDED') this.#abandon();
      throw error;
    }
  }

  reject(payload: Uint8Array): void {
    const { socket, state } = this.#parts;
    if (!state.allows('reject')) return;
    state.step('reject');
    try {
      socket.send({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload });
    } catch (error) {
      if (!isPortError(error)) throw error;
      // The client went away first: nothing to tell it.
    } finally {
      this.#settle();
      this.#discard();
    }
  }

  detach(): DetachedIncoming | undefined {
    const { native, socket, state, frame } = this.#parts;
    if (state.name !== 'ASKED' || !this.#sharesMemory()) return undefined;
    const { features, layoutHash, regionBytes, payload } = frame;
    const passedFd = this.#passedFd;
    this.#passedFd = -1;
    state.step('broken'); // Here it has ended; it goes on where it is attached.
    this.#settle();
    const { fd, pidfd, watch } = socket.release();
    watch.close();
    if (pidfd >= 0) native.close(pidfd);
    native.disown(fd);
    native.disown(passedFd);
    return { fd, passedFd, features, layoutHash, regionBytes, payload };
  }

  /** The listener ends without a decision. */
  refuse(busyPayload: Uint8Array): void {
    const { onGone } = this;
    this.reject(busyPayload);
    onGone?.();
  }

  /** Shared memory of another layout than ours cannot be used: then the stream serves. */
  #sharesMemory(): boolean {
    const { features, layoutHash } = this.#parts.frame;
    const isOffered = (features & FEATURE.SHARED_MEMORY) !== 0 && layoutHash === LAYOUT_HASH;
    return isOffered && this.#passedFd >= 0;
  }

  #acceptShared(payload: Uint8Array, features: number): Link {
    const { native, socket, options, frame, state } = this.#parts;
    const own = createRegion(native, options.ringBytes);
    const wantsCredentials = options.wantsCredentials === true;
    let peerRegion: Region | undefined;
    try {
      const fields = sharedMemoryFields(own, features);
      const passedFd = this.#passedFd;
      this.#passedFd = -1;
      peerRegion = importRegion(native, passedFd, frame.regionBytes);
      // Before the answer: what the client says after it comes with credentials.
      if (wantsCredentials) socket.passCredentials(true);
      socket.send({ ...PLAIN_FRAME, ...fields, type: FRAME_TYPE.ACCEPT, payload }, own.fd);
    } catch (error) {
      discardRegion(native, own);
      if (peerRegion !== undefined) native.revoke(peerRegion.mapping);
      throw error;
    }
    state.step('accept');
    this.#settle();
    return makeShmLink(native, socket, { own, peerRegion, options, wantsCredentials });
  }

  #acceptPlain(payload: Uint8Array, features: number): Link {
    const { native, socket, state } = this.#parts;
    socket.send({ ...PLAIN_FRAME, type: FRAME_TYPE.ACCEPT, features, payload });
    state.step('accept');
    this.#settle();
    this.#closePassed();
    return makeSocketLink(native, socket);
  }

  /** There will be no decision: the client went away or spoke, or the time is over. */
  #abandon(): void {
    const { onGone } = this;
    this.#parts.state.step('broken');
    this.#settle();
    this.#discard();
    onGone?.();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.onGone = undefined;
    this.#parts.onSettled();
  }

  #discard(): void {
    this.#closePassed();
    this.#parts.socket.close();
  }

  #closePassed(): void {
    if (this.#passedFd >= 0) this.#parts.native.close(this.#passedFd);
    this.#passedFd = -1;
  }
}
