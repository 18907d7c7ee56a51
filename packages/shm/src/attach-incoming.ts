import type { NativeBinding } from '@portcall/native';
import {
  HandshakeState,
  PLAIN_FRAME,
  type DetachedIncoming,
  type IncomingLink,
} from '@portcall/transport';
import { FRAME_TYPE } from '@portcall/wire';

import { HandshakeSocket } from './handshake-socket.js';
import { IncomingShm, type AcceptOptions } from './incoming-shm.js';

/**
 * Takes over a client that another thread of this process has detached: state ASKED, as there.
 *
 * @throws SystemError when the event loop cannot watch it; both descriptors are closed then
 */
export function attachIncoming(
  native: NativeBinding,
  detached: DetachedIncoming,
  options: AcceptOptions,
): IncomingLink {
  const { fd, passedFd, features, layoutHash, regionBytes, payload } = detached;
  native.adopt(fd);
  native.adopt(passedFd);
  let socket: HandshakeSocket;
  try {
    socket = new HandshakeSocket(native, fd);
  } catch (error) {
    native.close(passedFd);
    throw error;
  }
  const state = new HandshakeState('server');
  state.step('request');
  const type = FRAME_TYPE.CONNECT_REQUEST;
  const frame = { ...PLAIN_FRAME, type, features, layoutHash, regionBytes, payload };
  const endsAt = performance.now() + options.handshakeTimeoutMs;
  const onSettled = (): void => undefined;
  return new IncomingShm({ native, socket, state, frame, passedFd, options, endsAt, onSettled });
}
