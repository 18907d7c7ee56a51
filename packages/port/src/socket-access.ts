import type { Transport } from '@portcall/transport';

import { checkAcl, defaultAcl, everybodyAcl, type Acl, type AclEntry } from './acl.js';
import type { PortNamespace } from './port-name.js';

/** Who may reach a socket at all; what they may do there is the list's matter. */
export interface SocketAccess {
  /** Permission bits of its file. */
  readonly mode: number;
  /** Group of its file; `undefined`: the process's own. */
  readonly gid: number | undefined;
}

/** Owner only: root is never kept out by permission bits. */
const OWNER_ONLY: SocketAccess = { mode: 0o600, gid: undefined };

/**
 * Permission bits for the socket of a port with this list, as narrow as the list allows.
 *
 * In the session's directory nobody else gets to the socket anyway. A system port's is for its
 * owner when the list admits nobody else; for one group when that is all it admits besides; else
 * for everybody, and the list alone decides. Deny rules are left out: they only take away.
 *
 * @param own effective user of the process that listens
 */
export function socketAccess(
  namespace: PortNamespace,
  acl: Acl,
  own = process.geteuid?.() ?? 0,
): SocketAccess {
  if (namespace !== 'system') return OWNER_ONLY;
  const foreign = acl.filter((entry) => admits(entry) && entry.uid !== own && entry.uid !== 0);
  if (foreign.length === 0) return OWNER_ONLY;
  const groups = new Set(foreign.map(({ gid }) => gid));
  const [gid] = groups;
  if (groups.size === 1 && gid !== undefined) return { mode: 0o660, gid };
  return { mode: 0o666, gid: undefined };
}

function admits(entry: AclEntry): boolean {
  return entry.action === 'allow' && (entry.rights ?? ['connect']).includes('connect');
}

/**
 * The list that holds for a port: the program's, else the default of its namespace.
 *
 * Where the transport knows nobody, the default list would admit nobody; there the mode of folder
 * and socket (or the process that the port never leaves) keeps others out, and the default is
 * everybody who gets as far. A list of the program's own fails closed.
 *
 * @throws TypeError when the program's list is not a list
 */
export function listAcl(namespace: PortNamespace, transport: Transport, acl?: Acl): Acl {
  if (acl !== undefined) return checkAcl(acl);
  return transport.capabilities.identity ? defaultAcl(namespace) : everybodyAcl();
}
