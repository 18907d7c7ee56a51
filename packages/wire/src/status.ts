/** Whether the handler of a failed call ran: the answer every error gives. */
export const EXECUTED = ['no', 'maybe', 'yes'] as const;

/** `'no'`, `'maybe'` or `'yes'`; see {@link EXECUTED}. */
export type Executed = (typeof EXECUTED)[number];

/** One row of the status table. */
export interface StatusInfo {
  /** Stable number that crosses the wire (u16); 0 is success and never an error. */
  readonly id: number;
  /** The gRPC status code it maps to. */
  readonly grpc: number;
  /** What is true of the handler when the thrower knows nothing better. */
  readonly executed: Executed;
}

/**
 * Every status a port, a call or an object reference can fail with.
 *
 * Ids are part of the protocol (`docs/PROTOCOL.md`, "Status codes"): they are never renumbered or
 * reused.
 */
export const STATUS = {
  PORT_NAME_INVALID: { id: 1, grpc: 3, executed: 'no' },
  PORT_NAME_IN_USE: { id: 2, grpc: 6, executed: 'no' },
  PORT_NOT_FOUND: { id: 3, grpc: 14, executed: 'no' },
  ACCESS_DENIED: { id: 4, grpc: 7, executed: 'no' },
  CONNECTION_REFUSED: { id: 5, grpc: 9, executed: 'no' },
  SERVER_IDENTITY_MISMATCH: { id: 6, grpc: 16, executed: 'no' },
  DISCONNECTED: { id: 7, grpc: 14, executed: 'no' },
  REPLY_LOST: { id: 8, grpc: 14, executed: 'maybe' },
  REPLY_MISMATCH: { id: 9, grpc: 13, executed: 'no' },
  MESSAGE_TOO_LONG: { id: 10, grpc: 8, executed: 'no' },
  INVALID_MESSAGE: { id: 11, grpc: 3, executed: 'no' },
  QUOTA_EXCEEDED: { id: 12, grpc: 8, executed: 'no' },
  TIMEOUT: { id: 13, grpc: 4, executed: 'maybe' },
  CANCELED: { id: 14, grpc: 1, executed: 'maybe' },
  SERVER_BUSY: { id: 15, grpc: 8, executed: 'no' },
  SERVER_FAULT: { id: 16, grpc: 13, executed: 'maybe' },
  UNKNOWN_INTERFACE: { id: 17, grpc: 12, executed: 'no' },
  UNKNOWN_METHOD: { id: 18, grpc: 12, executed: 'no' },
  VERSION_MISMATCH: { id: 19, grpc: 12, executed: 'no' },
  CONTEXT_MISMATCH: { id: 20, grpc: 3, executed: 'no' },
  OBJECT_NOT_CONNECTED: { id: 21, grpc: 5, executed: 'no' },
  OBJECT_NOT_REGISTERED: { id: 22, grpc: 5, executed: 'no' },
  NO_INTERFACE: { id: 23, grpc: 12, executed: 'no' },
  WRONG_THREAD: { id: 24, grpc: 9, executed: 'no' },
  PROTOCOL_ERROR: { id: 25, grpc: 13, executed: 'maybe' },
  PEER_UNRESPONSIVE: { id: 26, grpc: 14, executed: 'maybe' },
  INVALID_BINDING: { id: 27, grpc: 3, executed: 'no' },
  PROTSEQ_NOT_SUPPORTED: { id: 28, grpc: 12, executed: 'no' },
} as const satisfies Record<string, StatusInfo>;

/** Name of a status, for example `'PORT_NOT_FOUND'`. */
export type StatusCode = keyof typeof STATUS;

const CODE_BY_ID = new Map<number, string>(
  Object.entries(STATUS).map(([code, info]) => [info.id, code]),
);

/**
 * The name of a status number that came from a peer.
 *
 * @returns `undefined` for a number this version does not know.
 */
export function statusCodeOf(id: number): StatusCode | undefined {
  return CODE_BY_ID.get(id) as StatusCode | undefined;
}
