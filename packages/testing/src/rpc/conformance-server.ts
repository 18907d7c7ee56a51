import { PortError, RpcError, type CallContext, type Status } from '@portcall/rpc';

import type {
  Blob,
  CallFacts,
  Everything,
  FailRequest,
  FetchRequest,
  HoldRequest,
  Note,
} from '../gen/proto/conformance.js';
import type { ConformanceImplementation } from '../gen/proto/conformance.portcall.js';

/** nice-grpc's error, which programs written for it throw. */
class ServerError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, details: string) {
    super(`${code}: ${details}`);
    this.code = code;
    this.details = details;
  }
}

/** A call that a handler keeps. */
export interface HeldCall {
  readonly number: number;
  readonly context: CallContext;
  /** Lets the handler return, which it does not do by itself, whatever happens to its caller. */
  release(): void;
}

/** Implements the service of the conformance suite, and remembers what it did. */
export class ConformanceServer implements ConformanceImplementation {
  readonly held: HeldCall[] = [];
  /** Numbers that came by `tell` and `whisper`. */
  readonly notes: number[] = [];
  /** Handlers that ran, by method. */
  readonly runs = new Map<string, number>();

  async echo(request: Everything): Promise<Everything> {
    this.#ran('echo');
    return request;
  }

  /** Not async: with the kind "sync", it throws instead of returning a promise that rejects. */
  fail(request: FailRequest, context: CallContext): Promise<Record<string, never>> {
    this.#ran('fail');
    context.trailer.set('failed', request.kind);
    if (request.kind === 'sync') throw new Error(request.text);
    return Promise.reject(failureOf(request));
  }

  hold(request: HoldRequest, context: CallContext): Promise<{ wasAborted: boolean }> {
    this.#ran('hold');
    return new Promise((resolve) => {
      void context.signal; // From now on it fires.
      const release = (): void => resolve({ wasAborted: context.signal.aborted });
      this.held.push({ number: request.number, context, release });
    });
  }

  async describe(_: unknown, context: CallContext): Promise<CallFacts> {
    this.#ran('describe');
    const metadata = new Map<string, string>();
    for (const [key, values] of context.metadata) {
      const text = values.map((value) => {
        return typeof value === 'string' ? value : Buffer.from(value).toString('hex');
      });
      metadata.set(key, text.join('|'));
      context.header.set(`header-${key}`, values);
      context.trailer.set(`trailer-${key}`, values);
    }
    return {
      method: context.method,
      peer: context.peer,
      callerPid: context.caller?.pid ?? 0,
      callerUid: BigInt(context.caller?.uid ?? -1),
      remainingMs: context.remainingMs,
      metadata,
    };
  }

  async fetch(request: FetchRequest): Promise<Blob> {
    this.#ran('fetch');
    return { data: Buffer.alloc(request.lengthBytes, 7) };
  }

  /** A request of one byte holds the call; an empty one asks for more than the limit. */
  async limited(request: Blob, context: CallContext): Promise<Blob> {
    this.#ran('limited');
    if (request.data.length === 1) await this.hold({ number: 0 }, context);
    return { data: new Uint8Array(request.data.length === 0 ? 600 : 5) };
  }

  async tell(request: Note): Promise<void> {
    this.#ran('tell');
    this.notes.push(request.number);
    if (request.number === 13) throw new Error('planned failure of tell');
  }

  async whisper(request: Note): Promise<void> {
    this.notes.push(request.number);
  }

  async *watch(): AsyncIterable<Note> {
    yield { number: 1 };
  }

  async upload(): Promise<Note> {
    return { number: 1 };
  }

  async *chat(): AsyncIterable<Note> {
    yield { number: 1 };
  }

  #ran(method: string): void {
    this.runs.set(method, (this.runs.get(method) ?? 0) + 1);
  }
}

function failureOf({ kind, code, text }: FailRequest): unknown {
  switch (kind) {
    case 'rpc': {
      const details = [
        { typeUrl: 'type.googleapis.com/a.B', value: new Uint8Array([1, 2, 3]) },
        { typeUrl: 'type.googleapis.com/empty', value: new Uint8Array(0) },
      ];
      const cause = new Error('secret cause');
      return new RpcError(code as Status, text, { details, cause });
    }
    case 'port':
      return new PortError('PORT_NAME_IN_USE', text);
    case 'nice':
      return new ServerError(code, text);
    case 'text':
      return text;
    case 'nothing':
      return undefined;
    default:
      return new Error(text);
  }
}
