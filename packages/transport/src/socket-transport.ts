import { chmodSync } from 'node:fs';
import { connect as netConnect, createServer, type Server, type Socket } from 'node:net';

import { FRAME_TYPE, PortError } from '@portcall/wire';

import { PLAIN_CAPABILITIES } from './capabilities.js';
import { connectError, handshakeBroken, versionRefused } from './connect-error.js';
import type {
  IncomingLink,
  Link,
  LinkDecision,
  LinkOptions,
  ListenOptions,
  Listener,
  OutgoingLink,
  PeerIdentity,
  Transport,
} from './contract.js';
import { PLAIN_FRAME, encodeFrame, speaksOurVersion, type Frame } from './frame.js';
import { PendingConnects } from './pending-connects.js';
import { tryPidLock } from './pid-lock.js';
import { receiveFrame } from './socket-handshake.js';
import { SocketLink } from './socket-link.js';

/** Connections that the kernel keeps for us until we accept them. */
const BACKLOG = 511;

/**
 * The portable transport: a stream socket of `node:net` (Unix socket, or named pipe on Windows).
 *
 * It knows nothing of the peer: `peer` is `undefined`, and who may connect is what the file system
 * says.
 */
export function createSocketTransport(): Transport {
  return {
    name: 'socket',
    capabilities: PLAIN_CAPABILITIES,
    listen,
    connect,
    tryLock: tryPidLock,
  };
}

async function listen(address: string, options: ListenOptions): Promise<Listener> {
  const pending = new PendingConnects(options.pendingConnectsMax);
  /** Sockets on which no decision was made yet: they end with the listener. */
  const undecided = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    undecided.add(socket);
    socket.once('close', () => undecided.delete(socket));
    void serveSocket(socket, pending, {
      ...options,
      onSettled: () => undecided.delete(socket),
    });
  });
  await listening(server, address);
  chmodSync(address, options.mode);
  return {
    async close() {
      // Listening ends in this call; the server's own callback waits for every connection.
      server.close();
      for (const socket of undecided) socket.destroy();
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

async function serveSocket(
  socket: Socket,
  pending: PendingConnects,
  options: ListenOptions & SettleOption,
): Promise<void> {
  const leave = pending.tryEnter(undefined);
  if (leave === undefined) {
    socket.on('error', () => undefined);
    socket.end(
      encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload: options.busyPayload }),
    );
    return;
  }
  try {
    await acceptSocket(socket, undefined, options);
  } catch {
    // Broken, late or malformed: receiveFrame has ended this socket, which is all there is to do.
  } finally {
    leave();
  }
}

/**
 * The server's half of the handshake on a connected stream socket.
 *
 * @param peer who the kernel says is there, if the caller could ask
 * @throws PortError when the client sends no proper request in time; the socket is then destroyed
 */
async function acceptSocket(
  socket: Socket,
  peer: PeerIdentity | undefined,
  options: Pick<ListenOptions, 'handshakeTimeoutMs' | 'onIncoming'> & SettleOption,
): Promise<void> {
  const { frame, rest } = await receiveFrame(socket, 'client', options.handshakeTimeoutMs);
  if (frame.type !== FRAME_TYPE.CONNECT_REQUEST) {
    socket.destroy();
    throw new PortError('PROTOCOL_ERROR', `Cannot accept: first frame has type ${frame.type}`);
  }
  if (!speaksOurVersion(frame)) {
    socket.end(
      encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload: new Uint8Array(0) }),
    );
    return;
  }
  const { onSettled } = options;
  options.onIncoming(new IncomingSocket({ socket, peer, early: rest, onSettled }, frame));
}

interface SettleOption {
  /** The server has decided, or the client has gone. */
  readonly onSettled?: (() => void) | undefined;
}

interface IncomingParts extends SettleOption {
  readonly socket: Socket;
  readonly peer: PeerIdentity | undefined;
  /** Bytes behind the handshake frame. */
  readonly early: Uint8Array;
}

class IncomingSocket implements IncomingLink {
  readonly peer: PeerIdentity | undefined;
  readonly payload: Uint8Array;
  readonly features: number;
  onGone: (() => void) | undefined;
  readonly #socket: Socket;
  readonly #early: Uint8Array;
  readonly #onSettled: (() => void) | undefined;
  readonly #noticeGone = (): void => this.onGone?.();

  constructor(parts: IncomingParts, frame: Frame) {
    const { socket } = parts;
    this.#socket = socket;
    this.peer = parts.peer;
    this.payload = frame.payload;
    this.features = frame.features;
    this.#early = parts.early;
    this.#onSettled = parts.onSettled;
    socket.once('close', this.#noticeGone);
    socket.resume(); // Only so that an end of the stream is noticed; a client must wait for us.
    socket.once('end', this.#noticeGone);
  }

  accept(payload: Uint8Array, features = 0): Link {
    this.#settle();
    if (this.#socket.destroyed || this.#socket.readableEnded) throw handshakeBroken('client');
    this.#socket.write(encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.ACCEPT, features, payload }));
    return new SocketLink(this.#socket, this.peer, this.#early);
  }

  reject(payload: Uint8Array): void {
    this.#settle();
    this.#socket.end(rejectFrame(payload));
  }

  #settle(): void {
    this.onGone = undefined;
    this.#onSettled?.();
    this.#socket.off('close', this.#noticeGone).off('end', this.#noticeGone).pause();
  }
}

async function connect(address: string, options: LinkOptions): Promise<OutgoingLink> {
  const socket = await connected(address);
  return {
    peer: undefined,
    close: () => socket.destroy(),
    request: (payload, features = 0) =>
      requestLink({ socket, address, options }, payload, features),
  };
}

function connected(address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = netConnect(address);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reject(connectError(address, error.code ?? 'unknown', error));
    });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

interface Request {
  readonly socket: Socket;
  readonly address: string;
  readonly options: LinkOptions;
}

async function requestLink(
  request: Request,
  payload: Uint8Array,
  features: number,
): Promise<LinkDecision> {
  const { socket, address, options } = request;
  socket.write(
    encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.CONNECT_REQUEST, features, payload }),
  );
  const { frame, rest } = await receiveFrame(socket, address, options.handshakeTimeoutMs);
  if (frame.type === FRAME_TYPE.ACCEPT && speaksOurVersion(frame)) {
    return { ...decided(frame), link: new SocketLink(socket, undefined, rest) };
  }
  socket.destroy();
  if (!speaksOurVersion(frame)) throw versionRefused(address, frame.versionMin, frame.versionMax);
  if (frame.type === FRAME_TYPE.REJECT) return decided(frame);
  throw new PortError('PROTOCOL_ERROR', `Cannot connect to ${address}: frame type ${frame.type}`);
}

function rejectFrame(payload: Uint8Array): Uint8Array {
  return encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload });
}

/** A decision without a link. Nobody vouches for who made it. */
function decided(frame: Frame): LinkDecision {
  return {
    payload: frame.payload,
    link: undefined,
    features: frame.features,
    acceptor: undefined,
  };
}
