import { PLAIN_CAPABILITIES } from './capabilities.js';
import { connectSocket } from './connect-socket.js';
import type { Transport } from './contract.js';
import { listenSocket } from './listen-socket.js';
import { tryPidLock } from './pid-lock.js';

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
    listen: listenSocket,
    connect: connectSocket,
    tryLock: tryPidLock,
  };
}
