import type { PortAttributes } from '@portcall/port';

/** Longest message of a call unless the program says otherwise: 4 MiB, as gRPC. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

/** A port's limits with rpc's default for the longest message. */
export function rpcAttributes(own: Partial<PortAttributes> = {}): Partial<PortAttributes> {
  return { maxMessageLength: MESSAGE_BYTES, ...own };
}
