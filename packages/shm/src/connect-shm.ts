import { setTimeout as sleep } from 'node:timers/promises';

import { errnoName, systemError, type NativeBinding } from '@portcall/native';
import {
  PLAIN_FRAME,
  connectError,
  speaksOurVersion,
  versionRefused,
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
    request: (payload) => requestLink({ native, socket, address, options }, payload),
  };
}

async function connectedSocket(
  native: NativeBinding,
  address: string,
  timeoutMs: number,
): Promise<number> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const fd = native.connect(address);
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

async function requestLink(request: Request, payload: Uint8Array): Promise<LinkDecision> {
  const { native, socket, address, options } = request;
  const own = createRegion(native, options.ringBytes);
  let received: ReceivedHandshake;
  try {
    const fields = sharedMemoryFields(own);
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
    const { payload } = frame;
    if (offersSharedMemory(received)) {
      return { payload, link: makeShmLink(native, socket, { own, received, options }) };
    }
    discardRegion(native, own);
    if (passedFd >= 0) native.close(passedFd);
    return { payload, link: makeSocketLink(native, socket, received.rest) };
  }
  discardRegion(native, own);
  if (passedFd >= 0) native.close(passedFd);
  socket.close();
  if (!speaksOurVersion(frame)) throw versionRefused(address, frame.versionMin, frame.versionMax);
  if (frame.type === FRAME_TYPE.REJECT) return { payload: frame.payload, link: undefined };
  throw new PortError('PROTOCOL_ERROR', `Cannot connect to ${address}: frame type ${frame.type}`);
}
