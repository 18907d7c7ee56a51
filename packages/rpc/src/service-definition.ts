import type { AnyCodec, MessageCodec } from './codec.js';

/** How requests and responses flow. */
export type MethodKind = 'unary' | 'server-stream' | 'client-stream' | 'bidi-stream';

/** One method of a service, as `portcall generate` writes it. */
export interface MethodDefinition {
  /** Name in the IDL. */
  readonly name: string;
  /** Stable number within the interface: 1 … 2^32−1. */
  readonly id: number;
  readonly kind: MethodKind;
  /** The client does not wait, and never learns whether it was handled. */
  readonly oneway: boolean;
  /** As `oneway`, and the call may be lost. */
  readonly maybe: boolean;
  /** Running it twice does no harm: `executed: 'maybe'` may be retried. */
  readonly idempotent: boolean;
  /** Default deadline in milliseconds. */
  readonly deadlineMs?: number;
  /** Longest encoded request in bytes. */
  readonly maxRequestBytes?: number;
  /** Longest encoded response in bytes. */
  readonly maxResponseBytes?: number;
  /** Wanted order of receipt; not regarded yet. */
  readonly priority?: number;
  /** Who may call it; a server with such a method is refused until that is enforced. */
  readonly acl?: string;
  /** The server calls it on the client; a server with such a method is refused for now. */
  readonly callback?: boolean;
  /** Wipe messages after use; a server with such a method is refused until that is done. */
  readonly sensitive?: boolean;
  readonly request: MessageCodec<unknown>;
  readonly response: MessageCodec<unknown>;
}

/** A service, as `portcall generate` writes it. */
export interface ServiceOptions {
  /** Name in the IDL. */
  readonly name: string;
  /** `package.Name`. */
  readonly fullName: string;
  /** Identity of the interface. */
  readonly uuid: string;
  readonly version: { readonly major: number; readonly minor: number };
  /** Hash of the schema, 32 hexadecimal digits. */
  readonly fingerprint: string;
  /** Only callers on this machine: all there are. */
  readonly localOnly?: boolean;
  /** Unknown oneway methods are ignored: they are. */
  readonly open?: boolean;
  /** Calls go to one object; a server with such a service is refused for now. */
  readonly object?: boolean;
  /** By the method's name in TypeScript. */
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** A service and the object that implements it: what `serve` takes. */
export interface ServiceImplementation {
  readonly service: ServiceOptions;
  readonly implementation: object;
}

/**
 * A service that can be bound (`bind`) and implemented (`implement`, then `serve`).
 *
 * The type parameters are the generated interfaces of its clients and of its implementations.
 */
export interface ServiceDefinition<Client, Implementation extends object> extends ServiceOptions {
  /** Binds an implementation to the service. All methods must be there. */
  implement(implementation: Implementation): ServiceImplementation;
  /** Never there at run time: carries the client's type to `bind`. */
  readonly __client?: Client;
}

/** Any service: for functions that take one. */
export type AnyService = ServiceOptions;

/** Called by generated code. */
export function defineService<Client, Implementation extends object>(
  options: ServiceOptions,
): ServiceDefinition<Client, Implementation> {
  return {
    ...options,
    implement: (implementation) => ({ service: options, implementation }),
  };
}

/** A method's codecs with the types that the run time calls them with. */
export function codecsOf(method: MethodDefinition): {
  readonly request: AnyCodec;
  readonly response: AnyCodec;
} {
  return {
    request: method.request as unknown as AnyCodec,
    response: method.response as unknown as AnyCodec,
  };
}
