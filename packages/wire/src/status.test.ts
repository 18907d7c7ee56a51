import { describe, expect, it } from 'vitest';

import { EXECUTED, STATUS, statusCodeOf } from './status.js';

/** Ids are part of the protocol: a line here never changes, and new ones go to the end. */
const STABLE = {
  PORT_NAME_INVALID: [1, 3, 'no'],
  PORT_NAME_IN_USE: [2, 6, 'no'],
  PORT_NOT_FOUND: [3, 14, 'no'],
  ACCESS_DENIED: [4, 7, 'no'],
  CONNECTION_REFUSED: [5, 9, 'no'],
  SERVER_IDENTITY_MISMATCH: [6, 16, 'no'],
  DISCONNECTED: [7, 14, 'no'],
  REPLY_LOST: [8, 14, 'maybe'],
  REPLY_MISMATCH: [9, 13, 'no'],
  MESSAGE_TOO_LONG: [10, 8, 'no'],
  INVALID_MESSAGE: [11, 3, 'no'],
  QUOTA_EXCEEDED: [12, 8, 'no'],
  TIMEOUT: [13, 4, 'maybe'],
  CANCELED: [14, 1, 'maybe'],
  SERVER_BUSY: [15, 8, 'no'],
  SERVER_FAULT: [16, 13, 'maybe'],
  UNKNOWN_INTERFACE: [17, 12, 'no'],
  UNKNOWN_METHOD: [18, 12, 'no'],
  VERSION_MISMATCH: [19, 12, 'no'],
  CONTEXT_MISMATCH: [20, 3, 'no'],
  OBJECT_NOT_CONNECTED: [21, 5, 'no'],
  OBJECT_NOT_REGISTERED: [22, 5, 'no'],
  NO_INTERFACE: [23, 12, 'no'],
  WRONG_THREAD: [24, 9, 'no'],
  PROTOCOL_ERROR: [25, 13, 'maybe'],
  PEER_UNRESPONSIVE: [26, 14, 'maybe'],
  INVALID_BINDING: [27, 3, 'no'],
  PROTSEQ_NOT_SUPPORTED: [28, 12, 'no'],
} as const;

describe('STATUS', () => {
  it('has these ids, gRPC codes and defaults for ever', () => {
    const rows = Object.entries(STATUS).map(([code, { id, grpc, executed }]) => [
      code,
      [id, grpc, executed],
    ]);
    expect(Object.fromEntries(rows)).toEqual(STABLE);
  });

  it('has an id of its own for each code, none of them 0', () => {
    const ids = Object.values(STATUS).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => Number.isInteger(id) && id > 0 && id <= 0xffff)).toBe(true);
  });

  it('maps to gRPC codes that exist, never to OK', () => {
    for (const { grpc, executed } of Object.values(STATUS)) {
      expect(grpc).toBeGreaterThanOrEqual(1);
      expect(grpc).toBeLessThanOrEqual(16);
      expect(EXECUTED).toContain(executed);
    }
  });
});

describe('statusCodeOf()', () => {
  it('finds each code by its id', () => {
    for (const [code, { id }] of Object.entries(STATUS)) expect(statusCodeOf(id)).toBe(code);
  });

  it.each([0, -1, 999, 65_535, 1.5, Number.NaN])('knows nothing of %d', (id) => {
    expect(statusCodeOf(id)).toBeUndefined();
  });
});
