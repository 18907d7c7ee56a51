import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

import { FRAME_TYPE } from '@portcall/wire';

import { checkRequest } from './check-frame.js';
import { handshakeBroken } from './connect-error.js';
import type { IncomingLink, Link, ListenOptions, Listener } from './contract.js';
import { DescriptorReserve } from './descriptor-reserve.js';
import { PLAIN_FRAME, encodeFrame, type Frame } from './frame.js';
import { HandshakeState } from './handshake-states.js';
import { PendingConnects } from './pending-connects.js';
import { receiveFrame, refuseSocket, refuseSocketNow } from './socket-handshake.js';
import { SocketLink } from './socket-link.js';

/** Connections that the kernel keeps for us until we accept them. */
const BACKLOG = 511;

/** Listens on a socket of `node:net`. An address that begins with NUL is abstract: no file. */
export async function listenSocket(address: string, options: ListenOptions): Promise<Listener> {
  const door = new SocketDoor(options);
  const server = createServer({ pauseOnConnect: true }, (socket) => door.take(socket));
  await listening(server, address);
  if (!address.startsWith('\0')) chmodSync(address, options.mode);
  return {
    async close() {
      // Listening ends in this call; the server's own callback waits for every connection.
      server.close();
      door.close();
    },
  };
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: address, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Takes in the clients of one listener, up to the decision about each. */
class SocketDoor {
  readonly #options: ListenOptions;
  readonly #pending: PendingConnects;
  readonly #reserve = new DescriptorReserve();
  /** What tells each client without a decision that there will be none. */
  readonly #undecided = new Set<() => void>();

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#pending = new PendingConnects(options.pendingConnectsMax);
  }

  take(socket: Socket): void {
    const { busyPayload } = this.#options;
    if (this.#reserve.isShort()) {
      refuseSocketNow(socket, busyPayload);
      return;
    }
    const leave = this.#pending.tryEnter(undefined);
    if (leave === undefined) refuseSocket(socket, busyPayload);
    else void this.#serve(socket, leave);
  }

  close(): void {
    for (const refuse of this.#undecided) refuse();
    this.#undecided.clear();
  }

  async #serve(socket: Socket, leave: () => void): Promise<void> {
    const { busyPayload, handshakeTimeoutMs, onIncoming } = this.#options;
    const state = new HandshakeState('server');
    const endsAt = performance.now() + handshakeTimeoutMs;
    let refuse = (): void => {
      if (state.step('busy').sends !== undefined) refuseSocket(socket, busyPayload);
    };
    const onClose = (): void => refuse();
    this.#undecided.add(onClose);
    const onSettled = (): void => {
      this.#undecided.delete(onClose);
      leave();
    };
    try {
      const { frame, rest } = await receiveFrame(socket, 'client', handshakeTimeoutMs);
      if (state.name === 'END') return onSettled(); // The listener ended, and said so.
      const step = state.step(rest.length > 0 ? 'broken' : checkRequest(frame, undefined));
      if (step.next === 'ASKED') {
        const incoming = new IncomingSocket({ socket, state, endsAt, onSettled }, frame);
        refuse = () => incoming.refuse(busyPayload);
        onIncoming(incoming);
        return;
      }
      if (step.sends === FRAME_TYPE.REJECT) refuseSocket(socket, new Uint8Array(0));
      else socket.destroy();
    } catch {
      socket.destroy(); // Broken, late or malformed: there is nothing to say.
    }
    onSettled();
  }
}

interface IncomingParts {
  readonly socket: Socket;
  readonly state: HandshakeState;
  /** When the time for the decision is over, on `performance.now()`'s clock. */
  readonly endsAt: number;
  /** The server has decided, or the client has gone. */
  readonly onSettled: () => void;
}

class IncomingSocket implements IncomingLink {
  readonly peer = undefined;
  readonly payload: Uint8Array;
  readonly features: number;
  onGone: (() => void) | undefined;
  readonly #parts: IncomingParts;
  readonly #timer: NodeJS.Timeout;
  /** Any byte, the end of the stream, or of the time: the client must wait for us. */
  readonly #breakOff = (): void => this.#abandon();

  constructor(parts: IncomingParts, frame: Frame) {
    const { socket, endsAt } = parts;
    this.#parts = parts;
    this.payload = frame.payload;
    this.features = frame.features;
    socket.once('close', this.#breakOff).once('end', this.#breakOff).once('data', this.#breakOff);
    socket.resume();
    this.#timer = setTimeout(this.#breakOff, Math.max(endsAt - performance.now(), 0));
  }

  accept(payload: Uint8Array, features = 0): Link {
    const { socket, state } = this.#parts;
    if (
      state.name === 'ASKED' &&
      (socket.readableLength > 0 || socket.readableEnded || socket.destroyed)
    ) {
      this.#abandon();
    }
    if (!state.allows('accept')) throw handshakeBroken('client');
    // Encoded first: a payload that is too long changes nothing.
    const bytes = encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.ACCEPT, features, payload });
    this.#settle();
    state.step('accept');
    socket.write(bytes);
    return new SocketLink(socket, undefined, new Uint8Array(0));
  }

  reject(payload: Uint8Array): void {
    const { socket, state } = this.#parts;
    if (!state.allows('reject')) return;
    this.#settle();
    state.step('reject');
    refuseSocket(socket, payload);
  }

  /** The listener ends without a decision. */
  refuse(busyPayload: Uint8Array): void {
    const { onGone } = this;
    this.reject(busyPayload);
    onGone?.();
  }

  #abandon(): void {
    const { socket, state } = this.#parts;
    const { onGone } = this;
    this.#settle();
    state.step('broken');
    socket.destroy();
    onGone?.();
  }

  #settle(): void {
    const { socket, onSettled } = this.#parts;
    clearTimeout(this.#timer);
    this.onGone = undefined;
    onSettled();
    socket.off('close', this.#breakOff).off('end', this.#breakOff).off('data', this.#breakOff);
    socket.pause();
  }
}
