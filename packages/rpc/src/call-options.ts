import type { Metadata } from './metadata.js';

/** What a caller may say with a call. */
export interface CallOptions {
  /** Milliseconds from now; default the method's, else 30 000. `Infinity` for none. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the call: it rejects at once, and the handler's signal fires. */
  readonly signal?: AbortSignal | undefined;
  /** Goes to the handler: `context.metadata`. */
  readonly metadata?: Metadata | undefined;
  /** Called with the header that the handler set, before the call resolves. */
  readonly onHeader?: ((header: Metadata) => void) | undefined;
  /** Called with the trailer that the handler set, before the call settles. */
  readonly onTrailer?: ((trailer: Metadata) => void) | undefined;
}

/** Deadline of a unary call that states none, in milliseconds. Source: `rpc.md`, "Deadlines". */
export const DEADLINE_MS = 30_000;
