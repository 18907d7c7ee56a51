import type { Acl } from './acl.js';
import type { ConnectionRequest } from './connection-request.js';
import type { EndpointOptions } from './port-options.js';
import type { QuickOptions } from './quick-start.js';

/** Decides on a client: calls `accept` or `reject`, now or later. */
export type ConnectHandler = (request: ConnectionRequest) => void | Promise<void>;

/** Options of a listening port. */
export interface ListenPortOptions extends EndpointOptions {
  /** Who may connect. Default: the user of this process, and root. */
  readonly acl?: Acl;
  /**
   * Whether the name may change hands without a gap: this port asks for a name that a live server
   * has, and gives its own to whoever has the right `admin`. Default false: a name that is taken is
   * PORT_NAME_IN_USE.
   */
  readonly handover?: boolean;
  /** Decides on each client that the ACL admits. Default: accepts. */
  readonly onConnect?: ConnectHandler;
  /** Gives clients that ask for it threads of their own. Default: none gets one. */
  readonly quick?: QuickOptions;
}
