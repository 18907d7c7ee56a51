import type { Socket } from 'node:net';

import { isPortError } from '@portcall/wire';

import { handshakeBroken, handshakeTimeout } from './connect-error.js';
import { FrameAssembler, type Frame } from './frame.js';

/** A frame, and the bytes that came behind it. */
export interface ReceivedFrame {
  readonly frame: Frame;
  readonly rest: Uint8Array;
}

/**
 * Reads one handshake frame from a socket, then leaves it paused with no listener of ours.
 *
 * @throws PortError DISCONNECTED, TIMEOUT or PROTOCOL_ERROR; the socket is then destroyed
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
    const onBroken = (cause?: unknown): void => fail(handshakeBroken(address, cause));
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

/** An error between the handshake and the link's own listeners: 'close' says the same. */
function ignore(): void {}
