import { RING_BYTES_MAX, RING_BYTES_MIN, isRingBytes, type PortAttributes } from '@portcall/wire';
import type { LinkOptions } from '@portcall/transport';

import type { AttributeName } from './message-attributes.js';
import type { TransportChoice } from './choose-transport.js';

/** Options that both sides of a connection have. */
export interface EndpointOptions {
  /** `'auto'` (default), `'shm'`, `'socket'`, or a transport object. */
  readonly transport?: TransportChoice;
  /** Limits; what holds is the smaller of both sides' values. */
  readonly attributes?: Partial<PortAttributes>;
  /** Attributes that this side wants with the messages that it receives. Default none. */
  readonly wants?: readonly AttributeName[];
  /** Bytes of the outgoing ring: a power of two, 4 KiB to 16 MiB. Default 256 KiB. */
  readonly ringBytes?: number;
  /**
   * Whether this side may stay awake for up to 100 µs after it ran dry, while that pays. Default
   * true. It makes busy connections several times faster; idle ones cost nothing either way.
   */
  readonly spin?: boolean;
  /** Where the port's files live, instead of the session's runtime directory. */
  readonly directory?: string;
}

/** How long `close` waits for calls unless told otherwise, in milliseconds. Source: `port.md` 20 */
export const DRAIN_MS = 5000;

/** Default of `ringBytes`: eight messages of the default `inlineLimit`. */
export const RING_BYTES = 256 * 1024;

/** The transport's part of the options. @throws RangeError */
export function linkOptions(options: EndpointOptions, attributes: PortAttributes): LinkOptions {
  const ringBytes = options.ringBytes ?? RING_BYTES;
  if (!isRingBytes(ringBytes)) {
    throw new RangeError(
      `Cannot use ring of ${ringBytes} bytes: wanted a power of two from ` +
        `${RING_BYTES_MIN} to ${RING_BYTES_MAX}`,
    );
  }
  return {
    ringBytes,
    handshakeTimeoutMs: attributes.handshakeTimeoutMs,
    spin: options.spin ?? true,
    maxSectionSize: attributes.maxSectionSize,
    maxTotalSectionSize: attributes.maxTotalSectionSize,
  };
}
