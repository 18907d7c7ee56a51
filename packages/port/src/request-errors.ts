import { MESSAGE_FLAG, PortError, STATUS, statusCodeOf, type Executed } from '@portcall/wire';

import type { MessageData } from './message-data.js';
import type { PortClosed } from './port-closed.js';

/** Longest error text taken from a peer, in bytes. */
const ERROR_TEXT_BYTES_MAX = 4096;

/**
 * The error of a request whose connection ended.
 *
 * @param delivered false when the peer certainly never read it
 */
export function lostRequest(portName: string, closed: PortClosed, delivered: boolean): PortError {
  const why = describe(closed);
  if (closed.reason === 'violation') {
    return new PortError('PROTOCOL_ERROR', `Cannot use port "${portName}": ${why}`, {
      portName,
      executed: delivered ? 'maybe' : 'no',
    });
  }
  if (closed.reason === 'unresponsive' && delivered) {
    return new PortError('PEER_UNRESPONSIVE', `Cannot get reply from port "${portName}": ${why}`, {
      portName,
    });
  }
  if (!delivered) {
    return new PortError('DISCONNECTED', `Cannot reach port "${portName}": ${why}`, { portName });
  }
  return new PortError('REPLY_LOST', `Cannot get reply from port "${portName}": ${why}`, {
    portName,
  });
}

function describe(closed: PortClosed): string {
  switch (closed.reason) {
    case 'local':
      return 'this side closed the connection';
    case 'closed':
      return `the other side closed the connection${closed.status ? ` (${closed.status})` : ''}`;
    case 'died':
      return 'the process at the other end is gone';
    case 'unresponsive':
      return 'the process at the other end neither answers nor works';
    case 'violation':
      return `the other side broke the protocol: ${closed.text}`;
  }
}

/** The error of a request whose deadline passed. */
export function timedOut(portName: string, sent: boolean): PortError {
  return new PortError('TIMEOUT', `Cannot get reply from port "${portName}": deadline passed`, {
    portName,
    sent,
    executed: sent ? 'maybe' : 'no',
  });
}

/** The error of a request that its caller cancelled. */
export function canceled(portName: string, sent: boolean, cause: unknown): PortError {
  return new PortError('CANCELED', `Cannot get reply from port "${portName}": caller cancelled`, {
    portName,
    sent,
    executed: sent ? 'maybe' : 'no',
    cause,
  });
}

/** The error of data that is longer than the port takes. */
export function messageTooLong(
  port: { readonly portName: string; readonly dataBytesMax: number },
  totalBytes: number,
): PortError {
  const { portName, dataBytesMax } = port;
  return new PortError(
    'MESSAGE_TOO_LONG',
    `Cannot send to port "${portName}": length is ${totalBytes} bytes, limit is ` +
      `${dataBytesMax} bytes; raise maxMessageLength and maxSectionSize on both sides`,
    { portName },
  );
}

/** A reply that says why there is no data: what a peer's status means here. */
export function failureOfReply(
  portName: string,
  reply: { readonly status: number; readonly flags: number; readonly data: MessageData },
): PortError {
  const { bytes, offset, lengthBytes } = reply.data;
  const end = offset + Math.min(lengthBytes, ERROR_TEXT_BYTES_MAX);
  const text = new TextDecoder().decode(bytes.slice(offset, end));
  const code = statusCodeOf(reply.status) ?? 'SERVER_FAULT';
  let executed: Executed = STATUS[code].executed;
  if ((reply.flags & MESSAGE_FLAG.EXECUTED_YES) !== 0) executed = 'yes';
  if ((reply.flags & MESSAGE_FLAG.EXECUTED_NO) !== 0) executed = 'no';
  const message = text === '' ? `Port "${portName}" answered ${code}` : text;
  return new PortError(code, message, { portName, executed });
}
