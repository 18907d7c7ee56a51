import { PortError } from '@portcall/wire';

/** A parsed string binding: where a service is. */
export interface StringBinding {
  /** Local RPC over a named port. */
  readonly protocol: 'ncalrpc';
  /** Name of the port. */
  readonly endpoint: string;
}

const BINDING = /^([A-Za-z0-9_]+):(.*)$/s;

/**
 * Parses `ncalrpc:[name]`, or a bare port name, which means the same.
 *
 * @throws PortError INVALID_BINDING, PROTSEQ_NOT_SUPPORTED
 *
 * Source: RpcStringBindingParse; options and other protocol sequences are not there yet.
 */
export function parseStringBinding(text: string): StringBinding {
  const match = BINDING.exec(text);
  if (match === null || match[1] === 'session') return { protocol: 'ncalrpc', endpoint: text };
  const [, protocol = '', rest = ''] = match;
  if (protocol !== 'ncalrpc') {
    throw new PortError(
      'PROTSEQ_NOT_SUPPORTED',
      `Cannot bind to "${text}": protocol sequence is "${protocol}", wanted "ncalrpc"`,
    );
  }
  if (!rest.startsWith('[') || !rest.endsWith(']')) {
    throw new PortError(
      'INVALID_BINDING',
      `Cannot bind to "${text}": endpoint is "${rest}", wanted "[name]"`,
    );
  }
  return { protocol: 'ncalrpc', endpoint: rest.slice(1, -1) };
}
