import type { ImpersonationLevel, PortAttributes, StatusCode } from '@portcall/wire';
import type { DetachedIncoming, LinkOptions } from '@portcall/transport';

import type { AttributeName } from './message-attributes.js';

/** A thread of its own for each client that asks for one. Source: NT 3.51's Quick LPC. */
export interface QuickOptions {
  /**
   * Module that each thread loads: an absolute path or a `file:` URL. Its export `onMessage`
   * handles the messages of the client.
   */
  readonly module: string | URL;
  /** Threads at once; further clients share the port's own thread as all others. Default 4. */
  readonly maxThreads?: number;
}

/** Everything that a quick thread begins with; posted to it. */
export interface QuickStart {
  readonly detached: DetachedIncoming;
  /** What to answer the client. */
  readonly acceptPayload: Uint8Array;
  readonly module: string;
  readonly link: LinkOptions & { readonly wantsCredentials: boolean };
  readonly channel: {
    readonly attributes: PortAttributes;
    readonly portName: string;
    readonly wants: number;
    readonly peerWants: number;
  };
  readonly names: readonly AttributeName[];
  readonly info: Uint8Array;
  /** Must be something that can be posted to a thread. */
  readonly context: unknown;
  readonly security: {
    readonly level: ImpersonationLevel;
    readonly isDynamic: boolean;
    readonly effectiveOnly: boolean;
  };
}

/** What a quick thread tells: that the descriptors are its own now. */
export interface QuickReport {
  readonly kind: 'attached';
}

/** What a quick thread is told. */
export type QuickOrder =
  | { readonly kind: 'refuse'; readonly code: StatusCode | undefined }
  | { readonly kind: 'close'; readonly status: number; readonly drainMs: number };
