import { PortError, WIRE_VERSION } from '@portcall/wire';

/**
 * The PortError for a failed `connect(2)`.
 *
 * @param code symbolic errno, for example `'ENOENT'`
 */
export function connectError(address: string, code: string, cause: unknown): PortError {
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
    case 'ENOTDIR':
    case 'EPROTOTYPE':
      return new PortError(
        'PORT_NOT_FOUND',
        `Cannot connect to ${address}: no server listens there (${code})`,
        { cause },
      );
    case 'EACCES':
    case 'EPERM':
      return new PortError(
        'ACCESS_DENIED',
        `Cannot connect to ${address}: its file permissions do not admit this user (${code})`,
        { cause },
      );
    case 'EAGAIN':
      return new PortError(
        'SERVER_BUSY',
        `Cannot connect to ${address}: its queue of new connections is full (${code})`,
        { cause, retryAfterMs: 100 },
      );
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
      return new PortError(
        'QUOTA_EXCEEDED',
        `Cannot connect to ${address}: out of descriptors or memory (${code})`,
        { cause },
      );
    default:
      return new PortError('DISCONNECTED', `Cannot connect to ${address}: ${code}`, { cause });
  }
}

/** Error for a server or client that ended before the handshake was through. */
export function handshakeBroken(address: string, cause?: unknown): PortError {
  return new PortError(
    'DISCONNECTED',
    `Cannot connect to ${address}: the other side closed the connection during the handshake`,
    { cause },
  );
}

/** Error for a handshake that took too long. */
export function handshakeTimeout(address: string, timeoutMs: number): PortError {
  return new PortError(
    'TIMEOUT',
    `Cannot connect to ${address}: no decision by the server within ${timeoutMs} ms`,
    { executed: 'no', sent: true },
  );
}

/** Error for an answer whose versions do not meet ours. */
export function versionRefused(address: string, min: number, max: number): PortError {
  return new PortError(
    'CONNECTION_REFUSED',
    `Cannot connect to ${address}: it speaks protocol versions ${min} to ${max}, this side ` +
      `versions ${WIRE_VERSION.MIN} to ${WIRE_VERSION.MAX}`,
  );
}
