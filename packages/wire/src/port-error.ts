import { STATUS, type Executed, type StatusCode } from './status.js';

/** Found on every PortError, whichever copy of this package made it. */
const PORT_ERROR_BRAND = Symbol.for('portcall.PortError');

/** What a {@link PortError} may carry besides its code and text. */
export interface PortErrorDetails {
  /** Whether the handler ran; the code's own default when left out. */
  readonly executed?: Executed;
  /** For TIMEOUT and CANCELED: whether the message had been handed to the transport. */
  readonly sent?: boolean;
  /** For CONNECTION_REFUSED: what the server passed to `reject`. */
  readonly info?: Uint8Array;
  /** For SERVER_BUSY and QUOTA_EXCEEDED: how long to wait before a retry makes sense. */
  readonly retryAfterMs?: number;
  /** The port's name as the user gave it. */
  readonly portName?: string;
  /** `package.Service/Method`. */
  readonly method?: string;
  /** True when the method was declared idempotent: then even `executed: 'maybe'` may be retried. */
  readonly idempotent?: boolean;
  /** The failure below, kernel errors with their errno and syscall. Never sent to the peer. */
  readonly cause?: unknown;
}

/**
 * A condition worth handling, with a stable `code`.
 *
 * The only error class of ports, calls and objects; a caller's mistake is a TypeError or RangeError
 * instead. Compare by `code`, or use {@link isPortError}, which also recognises an error made by
 * another copy of the package.
 */
export class PortError extends Error {
  override readonly name: string = 'PortError';
  /** The condition; `docs/PROTOCOL.md` lists them all. */
  readonly code: StatusCode;
  /** Whether the handler ran: `'no'` is safe to retry, `'maybe'` only when idempotent. */
  readonly executed: Executed;
  /** For TIMEOUT and CANCELED: whether the message had been handed to the transport. */
  readonly sent: boolean | undefined;
  /** For CONNECTION_REFUSED: what the server passed to `reject`. */
  readonly info: Uint8Array | undefined;
  /** For SERVER_BUSY and QUOTA_EXCEEDED: milliseconds after which a retry makes sense. */
  readonly retryAfterMs: number | undefined;
  /** The port's name as the user gave it. */
  readonly portName: string | undefined;
  /** `package.Service/Method` of the failed call. */
  readonly method: string | undefined;
  readonly #idempotent: boolean;

  constructor(code: StatusCode, message: string, details: PortErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.executed = details.executed ?? STATUS[code].executed;
    this.sent = details.sent;
    this.info = details.info;
    this.retryAfterMs = details.retryAfterMs;
    this.portName = details.portName;
    this.method = details.method;
    this.#idempotent = details.idempotent ?? false;
    Object.defineProperty(this, PORT_ERROR_BRAND, { value: true });
  }

  /** True when a retry cannot run the handler a second time, or may. */
  get retryable(): boolean {
    return this.executed === 'no' || this.#idempotent;
  }
}

/** Tells a PortError, from this or another copy of the package, from anything else. */
export function isPortError(value: unknown): value is PortError {
  return value instanceof Error && PORT_ERROR_BRAND in value;
}
