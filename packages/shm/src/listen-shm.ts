import { errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  PLAIN_FRAME,
  PendingConnects,
  encodeFrame,
  handshakeBroken,
  speaksOurVersion,
  type IncomingLink,
  type Link,
  type ListenOptions,
  type Listener,
  type PeerIdentity,
} from '@portcall/transport';
import { FRAME_TYPE } from '@portcall/wire';

import { FdWatch } from './fd-watch.js';
import { HandshakeSocket, type ReceivedHandshake } from './handshake-socket.js';
import {
  makeShmLink,
  makeSocketLink,
  offersSharedMemory,
  sharedMemoryFields,
} from './make-link.js';
import { createRegion, type OwnRegion } from './region.js';

/** Connections that the kernel keeps for us until we accept them. */
const BACKLOG = 511;

/** Connections accepted per turn of the event loop. */
const ACCEPTS_PER_TURN = 16;

/** Listens at a path that does not exist yet. @throws SystemError of bind(2) or listen(2) */
export function listenShm(
  native: NativeBinding,
  address: string,
  options: ListenOptions,
): Listener {
  const fd = native.listen(address, options.mode, BACKLOG);
  if (fd < 0) throw systemError('bind', fd);
  return new ShmListener(native, fd, options);
}

class ShmListener implements Listener {
  readonly #native: NativeBinding;
  readonly #fd: number;
  readonly #options: ListenOptions;
  readonly #pending: PendingConnects;
  readonly #watch: FdWatch;
  readonly #handshakes = new Set<HandshakeSocket>();
  readonly #undecided = new Set<IncomingShm>();
  /** Given up for a moment when descriptors run out, so that a client can be told so. */
  #spareFd: number;
  #closed = false;

  constructor(native: NativeBinding, fd: number, options: ListenOptions) {
    this.#native = native;
    this.#fd = fd;
    this.#options = options;
    this.#pending = new PendingConnects(options.pendingConnectsMax);
    this.#spareFd = native.memfdCreate('portcall-spare', 0);
    this.#watch = new FdWatch(native, fd, () => this.#acceptSome());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#native.close(this.#fd);
    if (this.#spareFd >= 0) this.#native.close(this.#spareFd);
    for (const incoming of this.#undecided) incoming.abandon();
    for (const socket of this.#handshakes) socket.close();
  }

  #acceptSome(): void {
    for (let count = 0; count < ACCEPTS_PER_TURN; count++) {
      const fd = this.#native.accept(this.#fd);
      if (fd >= 0) {
        this.#begin(fd);
        continue;
      }
      const code = errnoName(fd);
      if (code === 'EMFILE' || code === 'ENFILE') this.#refuseWithSpare();
      if (code !== 'ECONNABORTED') return;
    }
  }

  #begin(fd: number): void {
    let socket: HandshakeSocket;
    try {
      socket = new HandshakeSocket(this.#native, fd);
    } catch {
      return; // The event loop cannot watch it: it is closed already, and the client sees that.
    }
    const leave = this.#pending.tryEnter(socket.peer?.uid);
    if (leave === undefined) {
      this.#refuse(socket);
      return;
    }
    this.#handshakes.add(socket);
    void this.#serve(socket, () => {
      this.#handshakes.delete(socket);
      leave();
    });
  }

  async #serve(socket: HandshakeSocket, leave: () => void): Promise<void> {
    try {
      const received = await socket.receive('client', this.#options.handshakeTimeoutMs);
      if (received.frame.type !== FRAME_TYPE.CONNECT_REQUEST || !speaksOurVersion(received.frame)) {
        if (received.passedFd >= 0) this.#native.close(received.passedFd);
        this.#refuse(socket, new Uint8Array(0));
        leave();
        return;
      }
      const settle = (): void => {
        this.#undecided.delete(incoming);
        leave();
      };
      const parts = { native: this.#native, socket, received, options: this.#options };
      const incoming: IncomingShm = new IncomingShm({ ...parts, leave: settle });
      this.#undecided.add(incoming);
      this.#options.onIncoming(incoming);
    } catch {
      leave(); // Broken, late or malformed: receive() has closed the socket.
    }
  }

  #refuse(socket: HandshakeSocket, payload = this.#options.busyPayload): void {
    try {
      socket.send({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload });
    } catch {
      // It went away first.
    }
    socket.close();
  }

  /** Out of descriptors: the spare one makes room to accept, say BUSY, and close. */
  #refuseWithSpare(): void {
    if (this.#spareFd < 0) return;
    this.#native.close(this.#spareFd);
    const fd = this.#native.accept(this.#fd);
    if (fd >= 0) this.#refuseBare(fd);
    this.#spareFd = this.#native.memfdCreate('portcall-spare', 0);
  }

  #refuseBare(fd: number): void {
    const { busyPayload } = this.#options;
    const bytes = encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload: busyPayload });
    this.#native.send(fd, bytes, 0, bytes.length, -1);
    this.#native.close(fd);
  }
}

interface IncomingParts {
  readonly native: NativeBinding;
  readonly socket: HandshakeSocket;
  readonly received: ReceivedHandshake;
  readonly options: ListenOptions;
  readonly leave: () => void;
}

class IncomingShm implements IncomingLink {
  readonly peer: PeerIdentity | undefined;
  readonly payload: Uint8Array;
  readonly features: number;
  onGone: (() => void) | undefined;
  readonly #parts: IncomingParts;
  #settled = false;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
    this.peer = parts.socket.peer;
    this.payload = parts.received.frame.payload;
    this.features = parts.received.frame.features;
    parts.socket.watchEnd(() => this.abandon());
  }

  /** There will be no decision: the client went away, or the listener ends. */
  abandon(): void {
    const { onGone } = this;
    this.#settle();
    this.#discard();
    onGone?.();
  }

  accept(payload: Uint8Array, features = 0): Link {
    const { native, socket, received, options } = this.#parts;
    if (this.#settled || !socket.isOpen) throw handshakeBroken('client');
    this.#settle();
    if (!offersSharedMemory(received)) return this.#acceptPlain(payload, features);
    let own: OwnRegion;
    try {
      own = createRegion(native, options.ringBytes);
    } catch (error) {
      this.#discard();
      throw error;
    }
    try {
      const frame = {
        ...PLAIN_FRAME,
        ...sharedMemoryFields(own, features),
        type: FRAME_TYPE.ACCEPT,
        payload,
      };
      const answer = (): void => socket.send(frame, own.fd);
      return makeShmLink(native, socket, { own, received, options, answer });
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  #acceptPlain(payload: Uint8Array, features: number): Link {
    const { native, socket, received } = this.#parts;
    try {
      socket.send({ ...PLAIN_FRAME, type: FRAME_TYPE.ACCEPT, features, payload });
    } catch (error) {
      this.#discard();
      throw error;
    }
    if (received.passedFd >= 0) native.close(received.passedFd);
    return makeSocketLink(native, socket, received.rest);
  }

  reject(payload: Uint8Array): void {
    if (this.#settled) return;
    this.#settle();
    try {
      this.#parts.socket.send({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload });
    } catch {
      // The client went away first: nothing to tell it.
    }
    this.#discard();
  }

  #settle(): void {
    this.#settled = true;
    this.onGone = undefined;
    this.#parts.leave();
  }

  #discard(): void {
    const { native, socket, received } = this.#parts;
    if (received.passedFd >= 0) native.close(received.passedFd);
    socket.close();
  }
}
