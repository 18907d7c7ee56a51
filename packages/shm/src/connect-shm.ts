import { setTimeout as sleep } from 'node:timers/promises';

import { errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  HandshakeState,
  PLAIN_FRAME,
  checkAnswer,
  connectError,
  handshakeBroken,
  speaksOurVersion,
  versionRefused,
  type Link,
  type LinkDecision,
  type LinkOptions,
  type OutgoingLink,
} from '@portcall/transport';
import { FEATURE, FRAME_TYPE, PortError, isPortError } from '@portcall/wire';

import { HandshakeSocket, type ReceivedHandshake } from './handshake-socket.js';
import { discardRegion, makeShmLink, makeSocketLink, sharedMemoryFields } from './make-link.js';
import { createRegion, importRegion, type OwnRegion } from './region.js';

/** How long to wait before asking again when the listener's backlog is full. */
const BACKLOG_RETRY_MS = 5;

/** Reaches a listener. @throws PortError as `Transport.connect` */
export async function connectShm(
  native: NativeBinding,
  address: string,
  options: LinkOptions,
): Promise<OutgoingLink> {
  const fd = await connectedSocket(native, address, options.handshakeTimeoutMs);
  const socket = new HandshakeSocket(native, fd);
  return {
    peer: socket.peer,
    close: () => socket.close(),
    request: (payload, features = 0) =>
      requestLink({ native, socket, address, options }, payload, features),
  };
}

async function connectedSocket(
  native: NativeBinding,
  address: string,
  timeoutMs: number,
): Promise<number> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    // Vouched for from the first byte: whoever answers is known, not only who once called listen.
    const fd = native.connect(address, 1);
    if (fd >= 0) return fd;
    const code = errnoName(fd);
    if (code !== 'EAGAIN' || performance.now() >= giveUpAt) {
      throw connectError(address, code, systemError('connect', fd));
    }
    await sleep(BACKLOG_RETRY_MS);
  }
}

interface Request {
  readonly native: NativeBinding;
  readonly socket: HandshakeSocket;
  readonly address: string;
  readonly options: LinkOptions;
}

async function requestLink(
  request: Request,
  payload: Uint8Array,
  features: number,
): Promise<LinkDecision> {
  const { native, socket, address, options } = request;
  if (!socket.isOpen) throw handshakeBroken(address);
  let own: OwnRegion | undefined;
  let received: ReceivedHandshake | undefined;
  try {
    own = createRegion(native, options.ringBytes);
    const state = new HandshakeState('client');
    const fields = sharedMemoryFields(own, features);
    if (!socket.isReadable()) {
      state.step('ask');
      const frame = { ...PLAIN_FRAME, ...fields, type: FRAME_TYPE.CONNECT_REQUEST, payload };
      sendUnlessRefused(socket, frame, own.fd);
    } // Else it was refused at once: nothing may be sent, and the refusal is read.
    received = await socket.receive(address, options.handshakeTimeoutMs);
    return decide(request, { state, own, received, asked: fields.features });
  } catch (error) {
    if (own !== undefined) discardRegion(native, own);
    socket.close();
    throw error;
  }
}

/** A server without a place answers and closes at once: its answer is there all the same. */
function sendUnlessRefused(
  socket: HandshakeSocket,
  frame: Parameters<HandshakeSocket['send']>[0],
  regionFd: number,
): void {
  try {
    socket.send(frame, regionFd);
  } catch (error) {
    if (!isPortError(error) || error.code !== 'DISCONNECTED' || !socket.isReadable()) throw error;
  }
}

interface Answer {
  readonly state: HandshakeState;
  readonly own: OwnRegion;
  readonly received: ReceivedHandshake;
  /** `FEATURE` bits of the request. */
  readonly asked: number;
}

/** Takes over the region and the descriptor that came, unless it throws. */
function decide(request: Request, answer: Answer): LinkDecision {
  const { native, socket, address } = request;
  const { frame, passedFd, sender } = answer.received;
  let next: string;
  try {
    const event = checkAnswer(frame, answer.asked, passedFd >= 0);
    if (!answer.state.allows(event)) {
      throw new PortError('PROTOCOL_ERROR', `Cannot connect to ${address}: untimely answer`);
    }
    next = answer.state.step(event).next;
    if (!speaksOurVersion(frame)) {
      throw versionRefused(address, frame.versionMin, frame.versionMax);
    }
  } catch (error) {
    if (passedFd >= 0) native.close(passedFd);
    throw error;
  }
  socket.becomeSender(sender);
  const acceptor = socket.peer;
  const { payload, features } = frame;
  if (next === 'OPEN') {
    return { payload, features, acceptor, link: openLink(request, answer) };
  }
  discardRegion(native, answer.own);
  socket.close();
  return { payload, features, acceptor, link: undefined };
}

function openLink(request: Request, answer: Answer): Link {
  const { native, socket, options } = request;
  const { own, received } = answer;
  const { features, regionBytes } = received.frame;
  socket.passCredentials(false); // A server has no more to vouch for.
  if ((features & FEATURE.SHARED_MEMORY) === 0) {
    discardRegion(native, own);
    return makeSocketLink(native, socket);
  }
  const peerRegion = importRegion(native, received.passedFd, regionBytes);
  return makeShmLink(native, socket, { own, peerRegion, options, wantsCredentials: false });
}
