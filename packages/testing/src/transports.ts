import { createShmTransport } from '@portcall/shm';
import { createMemoryTransport, createSocketTransport, type Transport } from '@portcall/transport';

/** A transport that the suites run on. */
export interface TransportUnderTest {
  readonly name: 'memory' | 'socket' | 'shm';
  /** Makes the transport; each call may give another one. Throws when it is not available. */
  readonly create: () => Transport;
  /** Why it cannot be had here; `undefined` when it can. */
  readonly skipReason: string | undefined;
  /** Names are files in a runtime directory. */
  readonly hasFiles: boolean;
  /** The peer is known, and with it the rules about users have a meaning. */
  readonly hasIdentity: boolean;
}

/** Every transport that there is. */
export function transportsUnderTest(): readonly TransportUnderTest[] {
  const { reason } = createShmTransport();
  return [
    {
      name: 'memory',
      create: createMemoryTransport,
      skipReason: undefined,
      hasFiles: false,
      hasIdentity: false,
    },
    {
      name: 'socket',
      create: createSocketTransport,
      skipReason: undefined,
      hasFiles: true,
      hasIdentity: false,
    },
    {
      name: 'shm',
      create: createSharedMemory,
      skipReason: reason,
      hasFiles: true,
      hasIdentity: true,
    },
  ];
}

function createSharedMemory(): Transport {
  const { transport, reason } = createShmTransport();
  if (transport === undefined) throw new Error(`Cannot test shared memory: ${reason}`);
  return transport;
}
