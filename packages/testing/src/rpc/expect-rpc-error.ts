import { expect } from 'vitest';

import { isRpcError, type RpcError, type Status } from '@portcall/rpc';

import { quiet, rejectionOf } from '../wait-until.js';

/** Expects that a call rejects with an RpcError of this gRPC status, and gives the error. */
export function expectStatus(promise: Promise<unknown>, code: Status): Promise<RpcError> {
  const rejection = rejectionOf(`a rejection with status ${code}`, promise);
  return quiet(
    rejection.then((error) => {
      if (!isRpcError(error)) throw error;
      expect(error.code).toBe(code);
      return error;
    }),
  );
}
