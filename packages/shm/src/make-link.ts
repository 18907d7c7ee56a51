import { Socket } from 'node:net';

import type { NativeBinding } from '@portcall/native';
import { SocketLink, type Frame, type Link, type LinkOptions } from '@portcall/transport';
import { FEATURE, LAYOUT_HASH, isRingBytes } from '@portcall/wire';

import type { HandshakeSocket, ReceivedHandshake } from './handshake-socket.js';
import { importRegion, type OwnRegion, type Region } from './region.js';
import { ShmLink } from './shm-link.js';

/** True when the frame offers shared memory of the layout that this build has. */
export function offersSharedMemory(received: ReceivedHandshake): boolean {
  const { frame, passedFd } = received;
  return (
    passedFd >= 0 &&
    (frame.features & FEATURE.SHARED_MEMORY) !== 0 &&
    frame.layoutHash === LAYOUT_HASH &&
    isRingBytes(frame.regionBytes)
  );
}

/** The header fields of a frame that comes with `region`, and with other `features`. */
export function sharedMemoryFields(
  region: OwnRegion,
  features: number,
): Pick<Frame, 'features' | 'layoutHash' | 'regionBytes'> {
  return {
    features: FEATURE.SHARED_MEMORY | features,
    layoutHash: LAYOUT_HASH,
    regionBytes: region.ringBytes,
  };
}

/** Gives a region back that no link came of. */
export function discardRegion(native: NativeBinding, region: OwnRegion): void {
  native.close(region.fd);
  native.revoke(region.mapping);
}

/** What a link over shared memory is made from. */
export interface ShmLinkSource {
  readonly own: OwnRegion;
  readonly received: ReceivedHandshake;
  readonly options: LinkOptions;
  /** On the server: sends ACCEPT, once the client's region was found good. */
  readonly answer?: () => void;
}

/**
 * The link over two regions. Takes over the socket, our region and the peer's descriptor.
 *
 * @throws PortError PROTOCOL_ERROR when the peer's region is not what it must be; everything is
 * then closed
 */
export function makeShmLink(
  native: NativeBinding,
  socket: HandshakeSocket,
  parts: ShmLinkSource,
): Link {
  const { own, received, options } = parts;
  let peerRegion: Region | undefined;
  try {
    peerRegion = importRegion(native, received.passedFd, received.frame.regionBytes);
    parts.answer?.();
    native.close(own.fd);
    return new ShmLink({
      native,
      ...socket.release(),
      peer: socket.peer,
      own,
      peerRegion,
      options,
      early: received.rest,
    });
  } catch (error) {
    discardRegion(native, own);
    if (peerRegion !== undefined) native.revoke(peerRegion.mapping);
    socket.close();
    throw error;
  }
}

/** The plain link on the same socket: the other side has no shared memory for us. */
export function makeSocketLink(
  native: NativeBinding,
  socket: HandshakeSocket,
  rest: Uint8Array,
): Link {
  const { fd, pidfd, watch } = socket.release();
  watch.close();
  if (pidfd >= 0) native.close(pidfd);
  native.disown(fd);
  const stream = new Socket({ fd, readable: true, writable: true });
  return new SocketLink(stream, socket.peer, rest);
}
