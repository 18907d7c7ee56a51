import { Socket } from 'node:net';

import type { NativeBinding } from '@portcall/native';
import { SocketLink, type Frame, type Link, type LinkOptions } from '@portcall/transport';
import { FEATURE, LAYOUT_HASH } from '@portcall/wire';

import type { HandshakeSocket } from './handshake-socket.js';
import type { OwnRegion, Region } from './region.js';
import { ShmLink } from './shm-link.js';

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
  readonly peerRegion: Region;
  readonly options: LinkOptions;
  /** SO_PASSCRED is on: the peer may have the kernel vouch for it with a message. */
  readonly wantsCredentials: boolean;
}

/** The link over two regions. Takes over the socket and both regions. */
export function makeShmLink(
  native: NativeBinding,
  socket: HandshakeSocket,
  parts: ShmLinkSource,
): Link {
  const { peer } = socket;
  native.close(parts.own.fd);
  return new ShmLink({ native, ...socket.release(), ...parts, peer });
}

/** The plain link on the same socket: the other side has no shared memory for us. */
export function makeSocketLink(native: NativeBinding, socket: HandshakeSocket): Link {
  const { peer } = socket;
  const { fd, pidfd, watch } = socket.release();
  watch.close();
  if (pidfd >= 0) native.close(pidfd);
  native.disown(fd);
  const stream = new Socket({ fd, readable: true, writable: true });
  return new SocketLink(stream, peer, new Uint8Array(0));
}
