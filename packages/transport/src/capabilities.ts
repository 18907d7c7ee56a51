import type { TransportCapabilities } from './contract.js';

/** Records over a stream or a queue, and nothing else. */
export const PLAIN_CAPABILITIES: TransportCapabilities = {
  identity: false,
  descriptors: false,
  sections: false,
  direct: 'emulated',
  doorbell: false,
  quick: false,
  synchronous: false,
};

/** Both ends in one thread: what is queued is delivered where somebody waits for it. */
export const MEMORY_CAPABILITIES: TransportCapabilities = {
  ...PLAIN_CAPABILITIES,
  synchronous: true,
};
