import type { Executed } from '@portcall/wire';

import { Status, statusName } from './status.js';

const RPC_ERROR_BRAND = Symbol.for('portcall.RpcError');

/** A typed detail of an error, as in `google.rpc.Status`. */
export interface ErrorDetail {
  /** `type.googleapis.com/` and the full name of a message type. */
  readonly typeUrl: string;
  /** The message, encoded. */
  readonly value: Uint8Array;
}

/** What an {@link RpcError} may carry besides code and text. */
export interface RpcErrorOptions {
  readonly details?: readonly ErrorDetail[];
  readonly cause?: unknown;
  /** `package.Service/Method`. */
  readonly method?: string;
  /** The method was declared idempotent. */
  readonly idempotent?: boolean;
}

/**
 * What a handler answered instead of a result. Thrown by a handler, it reaches the caller with
 * code, text and details; its stack and cause stay where they are.
 *
 * Conditions of the connection are `PortError`s instead.
 */
export class RpcError extends Error {
  override readonly name: string = 'RpcError';
  /** gRPC status code; see {@link Status}. */
  readonly code: Status;
  /** Typed details; empty when there are none. */
  readonly details: readonly ErrorDetail[];
  /** The handler ran: it made this error. */
  readonly executed: Executed = 'yes';
  /** `package.Service/Method`; `undefined` in the handler. */
  readonly method: string | undefined;
  readonly #idempotent: boolean;

  constructor(code: Status, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
    this.method = options.method;
    this.#idempotent = options.idempotent ?? false;
    Object.defineProperty(this, RPC_ERROR_BRAND, { value: true });
  }

  /** Name of the code, for example `'NOT_FOUND'`. */
  get status(): string {
    return statusName(this.code);
  }

  /** Whether running the handler again can do no harm. */
  get retryable(): boolean {
    return this.#idempotent;
  }
}

/** Tells an RpcError, from this or another copy of the package, from anything else. */
export function isRpcError(value: unknown): value is RpcError {
  return value instanceof Error && RPC_ERROR_BRAND in value;
}
