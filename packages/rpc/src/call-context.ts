import type { PeerIdentity } from '@portcall/port';

import { Metadata } from './metadata.js';

/**
 * What a handler knows of the call it serves. nice-grpc's `CallContext`, and more.
 */
export interface CallContext {
  /** Who calls, as the kernel identified the process; `undefined` where it cannot. */
  readonly caller: PeerIdentity | undefined;
  /** The caller as text, for logs. */
  readonly peer: string;
  /** `package.Service/Method`. */
  readonly method: string;
  /** What the caller sent along. */
  readonly metadata: Metadata;
  /** Goes to the caller with the result. */
  readonly header: Metadata;
  /** Goes to the caller with the result. */
  readonly trailer: Metadata;
  /** Has no effect, and is here for nice-grpc: header and result travel together. */
  sendHeader(): void;
  /** Fires when the caller cancels or goes away, and when the deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds that remain; Infinity without a deadline. Never negative. */
  readonly remainingMs: number;
}

/** What a {@link ServerCallContext} is made of. */
export interface CallContextParts {
  readonly caller: PeerIdentity | undefined;
  readonly method: string;
  /** What remained of the deadline when the call came, 0 for none. */
  readonly timeoutMs: number;
  readonly metadata: Metadata | undefined;
}

/** The run time's context: everything a handler may never ask for is made when it asks. */
export class ServerCallContext implements CallContext {
  readonly caller: PeerIdentity | undefined;
  readonly method: string;
  readonly #deadline: number;
  #metadata: Metadata | undefined;
  #header: Metadata | undefined;
  #trailer: Metadata | undefined;
  #aborter: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #canceled = false;

  constructor(parts: CallContextParts) {
    this.caller = parts.caller;
    this.method = parts.method;
    this.#deadline = parts.timeoutMs === 0 ? Infinity : performance.now() + parts.timeoutMs;
    this.#metadata = parts.metadata;
  }

  get peer(): string {
    return this.caller === undefined ? 'unknown' : `pid ${this.caller.pid}, uid ${this.caller.uid}`;
  }

  get metadata(): Metadata {
    return (this.#metadata ??= new Metadata());
  }

  get header(): Metadata {
    return (this.#header ??= new Metadata());
  }

  get trailer(): Metadata {
    return (this.#trailer ??= new Metadata());
  }

  get remainingMs(): number {
    return Math.max(this.#deadline - performance.now(), 0);
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.#canceled) this.#aborter.abort();
      else if (this.#deadline !== Infinity) {
        this.#timer = setTimeout(() => this.cancel(), this.remainingMs);
        this.#timer.unref();
      }
    }
    return this.#aborter.signal;
  }

  sendHeader(): void {}

  /** The caller cancelled or went away, or the deadline passed. */
  cancel(): void {
    this.#canceled = true;
    clearTimeout(this.#timer);
    this.#aborter?.abort();
  }

  /** The handler is done. @returns what it set, if anything */
  finish(): { readonly header: Metadata | undefined; readonly trailer: Metadata | undefined } {
    clearTimeout(this.#timer);
    return { header: this.#header, trailer: this.#trailer };
  }
}
