import { setTimeout as sleep } from 'node:timers/promises';

import { errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  PLAIN_FRAME,
  connectError,
  speaksOurVersion,
  versionRefused,
  type Frame,
  type LinkDecision,
  type LinkOptions,
  type OutgoingLink,
} from '@portcall/transport';
import { FRAME_TYPE, PortError } from '@portcall/wire';

import { HandshakeSocket, type ReceivedHandshake } from './handshake-socket.js';
import {
  discardRegion,
  makeShmLink,
  makeSocketLink,
  offersSharedMemory,
  sharedMemoryFields,
} from './make-link.js';
import { createRegion, type OwnRegion } from './region.js';

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
  const own = createRegion(native, options.ringBytes);
  let received: ReceivedHandshake;
  try {
    const fields = sharedMemoryFields(own, features);
    socket.send({ ...PLAIN_FRAME, ...fields, type: FRAME_TYPE.CONNECT_REQUEST, payload }, own.fd);
    received = await socket.receive(address, options.handshakeTimeoutMs);
  } catch (error) {
    discardRegion(native, own);
    socket.close();
    throw error;
  }
  return decide(request, own, received);
}

function decide(request: Request, own: OwnRegion, received: ReceivedHandshake): LinkDecision {
  const { native, socket, address, options } = request;
  const { frame, passedFd } = received;
  if (frame.type === FRAME_TYPE.ACCEPT && speaksOurVersion(frame)) {
    if (offersSharedMemory(received)) {
      return { ...decided(frame), link: makeShmLink(native, socket, { own, received, options }) };
    }
    discardRegion(native, own);
    if (passedFd >= 0) native.close(passedFd);
    return { ...decided(frame), link: makeSocketLink(native, socket, received.rest) };
  }
  discardRegion(native, own);
  if (passedFd >= 0) native.close(passedFd);
  socket.close();
  if (!speaksOurVersion(frame)) throw versionRefused(address, frame.versionMin, frame.versionMax);
  if (frame.type === FRAME_TYPE.REJECT) return decided(frame);
  throw new PortError('PROTOCOL_ERROR', `Cannot connect to ${address}: frame type ${frame.type}`);
}

/** A decision without a link. */
function decided(frame: Frame): LinkDecision {
  return {
    payload: frame.payload,
    link: undefined,
    features: frame.features,
    acceptor: undefined,
  };
}
