import type { Socket } from 'node:net';

import { FRAME_TYPE, PortError, isPortError } from '@portcall/wire';

import { handshakeBroken, handshakeTimeout } from './connect-error.js';
import { FrameAssembler, PLAIN_FRAME, encodeFrame, type Frame } from './frame.js';

/** How long a refused client may take to read that, in milliseconds. */
const LINGER_MS = 1000;

/** A frame, and the bytes that came behind it. */
export interface ReceivedFrame {
  readonly frame: Frame;
  readonly rest: Uint8Array;
}

/**
 * Reads one handshake frame from a socket, then leaves it paused with no listener of ours.
 *
 * @throws PortError DISCONNECTED, TIMEOUT or PROTOCOL_ERROR; SERVER_BUSY when the other side had
 * closed before it could read what was written. The socket is then destroyed
 */
export function receiveFrame(
  socket: Socket,
  address: string,
  timeoutMs: number,
): Promise<ReceivedFrame> {
  return new Promise((resolve, reject) => {
    const assembler = new FrameAssembler();
    const timer = setTimeout(() => fail(handshakeTimeout(address, timeoutMs)), timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onBroken).off('close', onBroken).off('end', onBroken);
      socket.on('error', ignore);
    };
    const fail = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onBroken = (cause?: unknown): void => fail(brokenBy(address, cause));
    const onData = (piece: Uint8Array): void => {
      try {
        const frame = assembler.push(piece);
        if (frame === undefined) return;
        settle();
        socket.pause();
        resolve({ frame, rest: assembler.takeRest() });
      } catch (error) {
        if (!isPortError(error)) throw error;
        fail(error);
      }
    };
    socket.on('data', onData).on('error', onBroken).on('close', onBroken).on('end', onBroken);
    socket.resume();
  });
}

/** Tells a client no, and lets go of the socket once it has read that, or soon. */
export function refuseSocket(socket: Socket, payload: Uint8Array): void {
  socket.on('error', ignore);
  socket.end(rejectFrame(payload));
  // Without reading nobody would notice that the client has gone.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** As {@link refuseSocket}, but the descriptor is free at once: what fits is in the kernel then. */
export function refuseSocketNow(socket: Socket, payload: Uint8Array): void {
  socket.on('error', ignore);
  socket.write(rejectFrame(payload));
  socket.destroy();
}

/** A refusal with this build's versions. */
export function rejectFrame(payload: Uint8Array): Uint8Array {
  return encodeFrame({ ...PLAIN_FRAME, type: FRAME_TYPE.REJECT, payload });
}

function brokenBy(address: string, cause: unknown): PortError {
  if ((cause as NodeJS.ErrnoException | undefined)?.code !== 'EPIPE') {
    return handshakeBroken(address, cause);
  }
  return new PortError(
    'SERVER_BUSY',
    `Cannot connect to ${address}: the server closed before it took the request`,
    { cause, retryAfterMs: 100 },
  );
}

/** An error between the handshake and the link's own listeners: 'close' says the same. */
function ignore(): void {}
