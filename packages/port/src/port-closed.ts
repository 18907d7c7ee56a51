import type { StatusCode } from '@portcall/wire';

/** Why a connection is no longer. */
export type PortClosed =
  /** This side closed it; `status` when it had a reason, such as ACCESS_DENIED. */
  | { readonly reason: 'local'; readonly status?: StatusCode }
  /** The peer closed it in good order; `status` when it said why. */
  | { readonly reason: 'closed'; readonly status: StatusCode | undefined }
  /** The peer's process died, or ended without closing. */
  | { readonly reason: 'died' }
  /** The peer's process lives but neither answers nor works: its lease ran out. */
  | { readonly reason: 'unresponsive' }
  /** The peer broke the protocol; `text` says how, for the log. */
  | { readonly reason: 'violation'; readonly text: string };
