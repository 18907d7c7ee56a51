import type { StatusCode } from '@portcall/wire';

/** Why a communication port is no longer. */
export type PortClosed =
  /** This side closed it. */
  | { readonly reason: 'local' }
  /** The peer closed it in good order; `status` when it said why. */
  | { readonly reason: 'closed'; readonly status: StatusCode | undefined }
  /** The peer's process died, or ended without closing. */
  | { readonly reason: 'died' }
  /** The peer broke the protocol; `text` says how, for the log. */
  | { readonly reason: 'violation'; readonly text: string };
