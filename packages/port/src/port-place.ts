import { PortError } from '@portcall/wire';
import { createMemoryTransport, type Transport } from '@portcall/transport';

import { chooseTransport, type ChosenTransport, type TransportChoice } from './choose-transport.js';
import { abstractAddress, portPaths, type PortName, type PortPaths } from './port-name.js';
import { portDirectory } from './runtime-directory.js';

/** Where a port is, for its transport. */
export type PortPlace =
  | { readonly kind: 'file'; readonly address: string; readonly files: PlaceFiles }
  | { readonly kind: 'abstract'; readonly address: string }
  | { readonly kind: 'memory'; readonly address: string };

/** The files of a port, and the directory that holds them. */
export interface PlaceFiles extends PortPaths {
  readonly directory: string;
}

/**
 * Meeting place of all `inproc:` ports: those who meet there share nothing but the name, so that no
 * program could hand the transport from one to the other. One for each copy of this module: worker
 * threads load their own, and a transport that passes objects could not reach across anyway.
 */
const inprocTransport = createMemoryTransport();

/**
 * The transport for a name: as `chooseTransport`, except that `inproc:` stays in the process, and
 * `abstract:` needs one that knows its peers.
 *
 * @throws TypeError for a transport that leaves the process, with `inproc:`
 * @throws PortError ACCESS_DENIED for `abstract:` without kernel identity
 */
export async function chooseTransportFor(
  name: PortName,
  choice: TransportChoice = 'auto',
): Promise<ChosenTransport> {
  if (name.namespace !== 'inproc') {
    const chosen = await chooseTransport(choice);
    if (name.namespace === 'abstract') checkAbstract(name, chosen);
    return chosen;
  }
  if (choice === 'auto') return { transport: inprocTransport, fallbackReason: undefined };
  if (typeof choice === 'object' && choice.name === 'memory') return chooseTransport(choice);
  const wanted = typeof choice === 'object' ? choice.name : choice;
  throw new TypeError(`Cannot use transport "${wanted}" for "${name.text}": it leaves the process`);
}

/** No file permission protects an abstract socket: without the kernel's word anybody gets in. */
function checkAbstract(name: PortName, chosen: ChosenTransport): void {
  const { transport, fallbackReason } = chosen;
  if (transport.capabilities.identity && process.platform === 'linux') return;
  const reason = fallbackReason === undefined ? '' : ` (${fallbackReason})`;
  throw new PortError(
    'ACCESS_DENIED',
    `Cannot use port "${name.text}": transport "${transport.name}" does not know its peers` +
      `${reason}, and nothing else protects an abstract socket`,
    { portName: name.text, executed: 'no' },
  );
}

/**
 * Where a port of this name is.
 *
 * @param directory the program's own choice of directory, if it has one
 * @throws PortError PORT_NAME_INVALID when the directory is too long
 */
export function placeOf(name: PortName, transport: Transport, directory?: string): PortPlace {
  if (transport.name === 'memory') {
    return { kind: 'memory', address: `${name.namespace}:${name.path}` };
  }
  if (name.namespace === 'abstract') return { kind: 'abstract', address: abstractAddress(name) };
  const where = portDirectory(name.namespace, directory);
  const paths = portPaths(where, name);
  return { kind: 'file', address: paths.socket, files: { ...paths, directory: where } };
}
