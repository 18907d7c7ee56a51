import { STATUS, isPortError } from '@portcall/wire';
import type { PeerIdentity } from '@portcall/port';

import { RpcError, isRpcError } from './rpc-error.js';
import { Status } from './status.js';

/** nice-grpc's `ServerError`, recognised by its shape. */
interface ServerErrorShape {
  readonly code: number;
  readonly details: string;
}

/**
 * What a caller is told of what a handler threw.
 *
 * Errors made to be sent go as they are. Anything else is INTERNAL, and its text goes only to a
 * caller of the same user: it may speak of things that are none of others' business.
 */
export function toRpcError(thrown: unknown, caller: PeerIdentity | undefined): RpcError {
  if (isRpcError(thrown)) return thrown;
  if (isPortError(thrown)) {
    return new RpcError(STATUS[thrown.code].grpc as Status, thrown.message, { cause: thrown });
  }
  if (isServerError(thrown)) {
    return new RpcError(thrown.code as Status, thrown.details, { cause: thrown });
  }
  const sameUser = caller !== undefined && caller.uid === process.geteuid?.();
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const message = sameUser ? `The handler failed: ${text}` : 'The handler failed';
  return new RpcError(Status.INTERNAL, message, { cause: thrown });
}

/** Whether a handler threw something that was made to be sent. */
export function isDeliberate(thrown: unknown): boolean {
  return isRpcError(thrown) || isPortError(thrown) || isServerError(thrown);
}

function isServerError(value: unknown): value is Error & ServerErrorShape {
  if (!(value instanceof Error)) return false;
  const { code, details } = value as Error & Partial<ServerErrorShape>;
  return typeof code === 'number' && code >= 1 && code <= 16 && typeof details === 'string';
}
