import { connect as netConnect, type Socket } from 'node:net';

import { FRAME_TYPE, PortError } from '@portcall/wire';

import { checkAnswer } from './check-frame.js';
import { connectError, handshakeBroken, versionRefused } from './connect-error.js';
import type { LinkDecision, LinkOptions, OutgoingLink } from './contract.js';
import { PLAIN_FRAME, encodeFrame, speaksOurVersion, type Frame } from './frame.js';
import { HandshakeState } from './handshake-states.js';
import { receiveFrame, type ReceivedFrame } from './socket-handshake.js';
import { SocketLink } from './socket-link.js';

/** Reaches a listener. @throws PortError as `Transport.connect` */
export async function connectSocket(address: string, options: LinkOptions): Promise<OutgoingLink> {
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
  if (socket.destroyed) throw handshakeBroken(address);
  const bytes = encodeFrame({
    ...PLAIN_FRAME,
    type: FRAME_TYPE.CONNECT_REQUEST,
    features,
    payload,
  });
  const state = new HandshakeState('client');
  const answered = receiveFrame(socket, address, options.handshakeTimeoutMs);
  let early: ReceivedFrame | undefined;
  answered.then(
    (received) => (early = received),
    () => undefined,
  );
  // A server without a place says so at once, and closes: a write would then fail before the read.
  // The first turn may end before the event loop has looked at the socket, the second does not.
  await nextTurn();
  await nextTurn();
  if (early === undefined && !socket.destroyed) {
    state.step('ask');
    socket.write(bytes);
  }
  return decide(request, state, features, await answered);
}

function decide(
  request: Request,
  state: HandshakeState,
  asked: number,
  received: ReceivedFrame,
): LinkDecision {
  const { socket, address } = request;
  const { frame, rest } = received;
  try {
    const event = checkAnswer(frame, asked, undefined);
    if (!speaksOurVersion(frame)) {
      throw versionRefused(address, frame.versionMin, frame.versionMax);
    }
    const isKnown = state.allows(event);
    if (state.step(event).next === 'OPEN') {
      return { ...decided(frame), link: new SocketLink(socket, undefined, rest) };
    }
    if (!isKnown || rest.length > 0) {
      throw new PortError('PROTOCOL_ERROR', `Cannot connect to ${address}: untimely answer`);
    }
    socket.destroy();
    return decided(frame);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
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
