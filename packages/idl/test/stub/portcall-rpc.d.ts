/**
 * The part of @portcall/rpc that generated code uses, as a contract: generated files are compiled
 * against it, so that this package can be tested without the run time.
 */
declare module '@portcall/rpc' {
  import type { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

  export interface CallContext {
    readonly signal: AbortSignal;
    readonly caller: { readonly uid: number } | undefined;
  }

  export interface CallOptions {
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  }

  export interface MessageCodec<T> {
    encode(message: T, writer?: BinaryWriter): BinaryWriter;
    decode(input: BinaryReader | Uint8Array, length?: number): T;
    // Any DeepPartial<T> is an object; ts-proto's own type for maps is not worth repeating here.
    fromPartial(object: object): T;
  }

  export interface MethodDefinition<Request, Response> {
    readonly name: string;
    readonly id: number;
    readonly kind: 'unary' | 'server-stream' | 'client-stream' | 'bidi-stream';
    readonly oneway: boolean;
    readonly maybe: boolean;
    readonly idempotent: boolean;
    readonly deadlineMs?: number;
    readonly maxRequestBytes?: number;
    readonly maxResponseBytes?: number;
    readonly priority?: number;
    readonly acl?: string;
    readonly callback?: boolean;
    readonly sensitive?: boolean;
    readonly request: MessageCodec<Request>;
    readonly response: MessageCodec<Response>;
  }

  type Item<T> = T extends AsyncIterable<infer U> ? U : Awaited<T>;

  /** Request and response message of each method, taken from the implementation and the client. */
  export type MethodDefinitions<Client, Implementation> = {
    readonly [K in keyof Client & keyof Implementation]: Client[K] extends (
      ...args: never[]
    ) => infer Out
      ? Implementation[K] extends (request: infer In, context: never) => unknown
        ? MethodDefinition<
            In extends AsyncIterable<infer U> ? U : In,
            // A method without a reply says nothing of its response: google.protobuf.Empty has no
            // fields.
            Item<Out> extends void ? object : Item<Out>
          >
        : never
      : never;
  };

  export interface ServiceDefinition<Client, Implementation> {
    readonly name: string;
    readonly fullName: string;
    readonly uuid: string;
    readonly version: { readonly major: number; readonly minor: number };
    readonly fingerprint: string;
    readonly localOnly?: boolean;
    readonly open?: boolean;
    readonly object?: boolean;
    readonly methods: MethodDefinitions<Client, Implementation>;
  }

  export interface Service<Client, Implementation> extends ServiceDefinition<
    Client,
    Implementation
  > {
    implement(implementation: Implementation): unknown;
    readonly $client?: Client;
  }

  export function defineService<Client, Implementation>(
    definition: ServiceDefinition<Client, Implementation>,
  ): Service<Client, Implementation>;
}
