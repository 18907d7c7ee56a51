import type { TransportCapabilities } from './contract.js';

/** Records over a stream or a queue, and nothing else. */
export const PLAIN_CAPABILITIES: TransportCapabilities = {
  identity: false,
  descriptors: false,
  sections: false,
  direct: false,
  doorbell: false,
  quick: false,
  synchronous: false,
};
