import { errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  DescriptorReserve,
  HandshakeState,
  PLAIN_FRAME,
  PendingConnects,
  checkRequest,
  encodeFrame,
  type ListenOptions,
  type Listener,
} from '@portcall/transport';
import { FRAME_TYPE, isPortError } from '@portcall/wire';

import { FdWatch } from './fd-watch.js';
import { HandshakeSocket, type ReceivedHandshake } from './handshake-socket.js';
import { IncomingShm } from './incoming-shm.js';

/** Connections that the kernel keeps for us until we accept them. */
const BACKLOG = 511;

/** Connections accepted per turn of the event loop. */
const ACCEPTS_PER_TURN = 16;

/** Listens at a path that does not exist yet. @throws SystemError of bind, listen or epoll */
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
  readonly #reserve = new DescriptorReserve();
  readonly #busyFrame: Uint8Array;
  readonly #watch: FdWatch;
  /** What tells each client without a decision that there will be none. */
  readonly #undecided = new Set<() => void>();
  /** Given up for a moment when descriptors run out, so that a client can be told so. */
  #spareFd: number;
  #closed = false;

  constructor(native: NativeBinding, fd: number, options: ListenOptions) {
    this.#native = native;
    this.#fd = fd;
    this.#options = options;
    this.#pending = new PendingConnects(options.pendingConnectsMax);
    this.#busyFrame = encodeFrame({
      ...PLAIN_FRAME,
      type: FRAME_TYPE.REJECT,
      payload: options.busyPayload,
    });
    this.#spareFd = native.memfdCreate('portcall-spare', 0);
    try {
      this.#watch = new FdWatch(native, fd, () => this.#acceptSome());
    } catch (error) {
      for (const owned of [fd, this.#spareFd]) if (owned >= 0) native.close(owned);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    // Nobody joins the queue any more, so that taking it in comes to an end.
    this.#native.shutdown(this.#fd);
    while (this.#acceptOne((fd) => this.#refuseBare(fd)));
    this.#native.close(this.#fd);
    if (this.#spareFd >= 0) this.#native.close(this.#spareFd);
    for (const refuse of this.#undecided) refuse();
  }

  #acceptSome(): void {
    for (let count = 0; count < ACCEPTS_PER_TURN && !this.#closed; count++) {
      if (!this.#acceptOne((fd) => this.#begin(fd))) return;
    }
  }

  /** @returns false when there is nobody in the queue, or nobody can be taken in */
  #acceptOne(take: (fd: number) => void): boolean {
    const fd = this.#native.accept(this.#fd);
    if (fd >= 0) {
      take(fd);
      return true;
    }
    const code = errnoName(fd);
    if (code === 'EMFILE' || code === 'ENFILE') return this.#refuseWithSpare();
    return code === 'ECONNABORTED';
  }

  #begin(fd: number): void {
    // The lowest free number is what a new descriptor gets.
    if (this.#reserve.isShort(fd)) {
      this.#refuseBare(fd);
      return;
    }
    let socket: HandshakeSocket;
    try {
      socket = new HandshakeSocket(this.#native, fd);
    } catch {
      return; // The event loop cannot watch it: it is closed already, and the client sees that.
    }
    const leave = this.#pending.tryEnter(socket.peer?.uid);
    if (leave === undefined) this.#refuse(socket);
    else void this.#serve(socket, leave);
  }

  async #serve(socket: HandshakeSocket, leave: () => void): Promise<void> {
    const { handshakeTimeoutMs, busyPayload } = this.#options;
    const state = new HandshakeState('server');
    const endsAt = performance.now() + handshakeTimeoutMs;
    let refuse = (): void => {
      if (state.step('busy').sends !== undefined) this.#refuse(socket);
    };
    const onClose = (): void => refuse();
    this.#undecided.add(onClose);
    const onSettled = (): void => {
      this.#undecided.delete(onClose);
      leave();
    };
    try {
      const received = await socket.receive('client', handshakeTimeoutMs);
      const { frame, passedFd } = received;
      if (!this.#isRequest(socket, state, received)) return onSettled();
      const { options, native } = { options: this.#options, native: this.#native };
      const parts = { native, socket, state, frame, passedFd, options, endsAt, onSettled };
      const incoming = new IncomingShm(parts);
      refuse = () => incoming.refuse(busyPayload);
      this.#options.onIncoming(incoming);
    } catch (error) {
      // Out of descriptors, it can still be told; broken, late or malformed, there is nothing to
      // say.
      if (isPortError(error) && error.code === 'QUOTA_EXCEEDED') refuse();
      socket.close();
      onSettled();
    }
  }

  /** Takes the first step; what leads to the end is done with. @throws PortError PROTOCOL_ERROR */
  #isRequest(socket: HandshakeSocket, state: HandshakeState, received: ReceivedHandshake): boolean {
    const { frame, passedFd } = received;
    try {
      const step = state.step(checkRequest(frame, passedFd >= 0));
      if (step.next === 'ASKED') return true;
      if (step.sends !== undefined) this.#refuse(socket, new Uint8Array(0));
    } catch (error) {
      if (passedFd >= 0) this.#native.close(passedFd);
      throw error;
    }
    if (passedFd >= 0) this.#native.close(passedFd);
    socket.close();
    return false;
  }

  #refuse(socket: HandshakeSocket, payload = this.#options.busyPayload): void {
    try {
      socket.send({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload });
    } catch {
      // It went away first.
    }
    socket.close();
  }

  /**
   * Out of descriptors: the spare one makes room to accept, say BUSY, and close.
   *
   * @returns false when even that was not possible
   */
  #refuseWithSpare(): boolean {
    if (this.#spareFd < 0) return false;
    this.#native.close(this.#spareFd);
    const fd = this.#native.accept(this.#fd);
    if (fd >= 0) this.#refuseBare(fd);
    this.#spareFd = this.#native.memfdCreate('portcall-spare', 0);
    return fd >= 0;
  }

  #refuseBare(fd: number): void {
    const bytes = this.#busyFrame;
    this.#native.send(fd, bytes, 0, bytes.length, -1);
    this.#native.close(fd);
  }
}
