/**
 * Limits of a port. Both sides state theirs in the handshake; what holds is the smaller of the two.
 * Each is an option of `createPort` and `connectPort`.
 */
export interface PortAttributes {
  /** Bytes of user data in one message, whatever its mode. Default 64 KiB, at most 2 GiB − 1. */
  readonly maxMessageLength: number;
  /** Bytes of user data up to which a message is copied through the ring. Default 32 KiB. */
  readonly inlineLimit: number;
  /** Bytes of connect info either way. Default 4 KiB, at most 60 KiB. */
  readonly maxConnectInfo: number;
  /** Bytes queued for one connection while its ring is full. Default 4 MiB. */
  readonly maxPoolUsage: number;
  /** Messages queued for one connection while its ring is full. Default 1 024. */
  readonly maxQueuedMessages: number;
  /** Bytes of one section. Default 64 MiB. */
  readonly maxSectionSize: number;
  /** Bytes of all sections in flight on one connection and direction. Default 256 MiB. */
  readonly maxTotalSectionSize: number;
}

/** The names of the attributes in the order in which they cross the wire, each as a u32. */
export const PORT_ATTRIBUTE_ORDER = [
  'maxMessageLength',
  'inlineLimit',
  'maxConnectInfo',
  'maxPoolUsage',
  'maxQueuedMessages',
  'maxSectionSize',
  'maxTotalSectionSize',
] as const satisfies readonly (keyof PortAttributes)[];

/** Limits of a port when its options do not say otherwise. */
export const DEFAULT_PORT_ATTRIBUTES: PortAttributes = {
  maxMessageLength: 64 * 1024,
  inlineLimit: 32 * 1024,
  maxConnectInfo: 4 * 1024,
  maxPoolUsage: 4 * 1024 * 1024,
  maxQueuedMessages: 1024,
  maxSectionSize: 64 * 1024 * 1024,
  maxTotalSectionSize: 256 * 1024 * 1024,
};

/** Largest value of any attribute: what a signed 32-bit length can state. */
export const PORT_ATTRIBUTE_MAX = 0x7fffffff;

/** Largest `maxConnectInfo`: a handshake frame's payload less the attributes. */
export const CONNECT_INFO_BYTES_MAX = 60 * 1024;
