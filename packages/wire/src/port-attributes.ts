/** What kind of descriptor may travel with a message. */
export const HANDLE_TYPES = ['file', 'directory', 'pipe', 'memory', 'socket'] as const;

/** One of {@link HANDLE_TYPES}. */
export type HandleType = (typeof HANDLE_TYPES)[number];

/** How much a server may learn of, and do for, its client; each level includes those before it. */
export const IMPERSONATION_LEVELS = ['anonymous', 'identify', 'impersonate'] as const;

/** One of {@link IMPERSONATION_LEVELS}. */
export type ImpersonationLevel = (typeof IMPERSONATION_LEVELS)[number];

/**
 * Limits of a port. Both sides state theirs in the handshake; what holds is the smaller of the two,
 * and is readable on both sides. Each is an option of `createPort` and `connectPort`.
 *
 * Source: `port.md` 3; ALPC_PORT_ATTRIBUTES.
 */
export interface PortAttributes {
  /** Bytes of user data in one message, whatever its mode. Default 64 KiB, at most 2 GiB − 1. */
  readonly maxMessageLength: number;
  /** Bytes of user data up to which a message is copied through the ring. Default 32 KiB. */
  readonly inlineLimit: number;
  /** Bytes of connect info either way. Default 4 KiB, at most 60 KiB. */
  readonly maxConnectInfo: number;
  /** Bytes of messages of one connection that the receiver has not taken yet. Default 4 MiB. */
  readonly maxPoolUsage: number;
  /** Messages of one connection that the receiver has not taken yet. Default 1 024. */
  readonly maxQueuedMessages: number;
  /** Bytes of one section. Default 64 MiB. */
  readonly maxSectionSize: number;
  /** Bytes of all sections in flight on one connection and direction. Default 256 MiB. */
  readonly maxTotalSectionSize: number;
  /** Bytes of views that a receiver holds at once on one connection. Default 64 MiB. */
  readonly maxViewSize: number;
  /** Connections of the port at once; more are told SERVER_BUSY. Default 1 024. */
  readonly maxConnections: number;
  /** Connections of one user at once. Default 256. */
  readonly maxConnectionsPerUid: number;
  /** Clients of one user in the handshake at once. Default 16. */
  readonly maxPendingConnects: number;
  /** Milliseconds that a handshake may take, the server's decision included. Default 5 000. */
  readonly handshakeTimeoutMs: number;
  /** Milliseconds of silence after which a peer that owes a reply and does no work has ended. */
  readonly leaseMs: number;
  /**
   * Descriptors that may travel, in either direction. Default none; what holds is common to both.
   */
  readonly dupObjectTypes: readonly HandleType[];
  /** The client: what a server may know and do. The server: what it takes. Default 'identify'. */
  readonly allowImpersonation: ImpersonationLevel;
  /** Bytes per second that go by section, each way. Default Infinity: no limit. */
  readonly memoryBandwidth: number;
}

/** The attributes that are plain numbers, in the order in which they cross the wire, each a u32. */
export const NUMERIC_ATTRIBUTES = [
  'maxMessageLength',
  'inlineLimit',
  'maxConnectInfo',
  'maxPoolUsage',
  'maxQueuedMessages',
  'maxSectionSize',
  'maxTotalSectionSize',
  'maxViewSize',
  'maxConnections',
  'maxConnectionsPerUid',
  'maxPendingConnects',
  'handshakeTimeoutMs',
  'leaseMs',
] as const satisfies readonly (keyof PortAttributes)[];

/**
 * Words that follow the plain numbers: `dupObjectTypes` as bits in the order of
 * {@link HANDLE_TYPES}, `allowImpersonation` as index of its level, `memoryBandwidth` in KiB per
 * second with {@link PORT_ATTRIBUTE_MAX} for no limit.
 */
export const ATTRIBUTE_WORDS = NUMERIC_ATTRIBUTES.length + 3;

/** Limits of a port when its options do not say otherwise. */
export const DEFAULT_PORT_ATTRIBUTES: PortAttributes = {
  maxMessageLength: 64 * 1024,
  inlineLimit: 32 * 1024,
  maxConnectInfo: 4 * 1024,
  maxPoolUsage: 4 * 1024 * 1024,
  maxQueuedMessages: 1024,
  maxSectionSize: 64 * 1024 * 1024,
  maxTotalSectionSize: 256 * 1024 * 1024,
  maxViewSize: 64 * 1024 * 1024,
  maxConnections: 1024,
  maxConnectionsPerUid: 256,
  maxPendingConnects: 16,
  handshakeTimeoutMs: 5000,
  leaseMs: 5000,
  dupObjectTypes: [],
  allowImpersonation: 'identify',
  memoryBandwidth: Infinity,
};

/** Presets of attributes, for `createPort` and `connectPort`. */
export const PortAttributes = {
  /**
   * NT's own: messages up to 256 bytes are copied, longer ones go by section.
   *
   * Source: PORT_MAXIMUM_MESSAGE_LENGTH of 32-bit NT.
   */
  nt: { inlineLimit: 256 } as const satisfies Partial<PortAttributes>,
};

/** Largest value of any attribute: what a signed 32-bit length can state. */
export const PORT_ATTRIBUTE_MAX = 0x7fffffff;

/** Largest `maxConnectInfo`: a handshake frame's payload less the attributes. */
export const CONNECT_INFO_BYTES_MAX = 60 * 1024;
