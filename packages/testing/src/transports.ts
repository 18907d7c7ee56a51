import { createShmTransport } from '@portcall/shm';
import { createMemoryTransport, createSocketTransport, type Transport } from '@portcall/transport';

/** Why a transport has no such thing; `undefined` where it has. */
export interface MissingAbilities {
  /** Other processes can be reached. */
  readonly processes: string | undefined;
  /** The kernel says who the peer is. */
  readonly identity: string | undefined;
  /** Large data goes by shared memory. */
  readonly sections: string | undefined;
  /** Descriptors travel with messages. */
  readonly descriptors: string | undefined;
  /** A thread can wait for a reply without its event loop. */
  readonly synchronous: string | undefined;
}

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
  /** What cannot be tested on it, and why. */
  readonly lacks: MissingAbilities;
}

/** The end of a title that says why its tests are skipped; nothing where they are not. */
export function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (skipped: ${reason})`;
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
      lacks: {
        processes: 'it stays in its process',
        identity: 'no kernel is involved',
        sections: 'everything goes through its queue',
        descriptors: 'everything goes through its queue',
        synchronous: undefined,
      },
    },
    {
      name: 'socket',
      create: createSocketTransport,
      skipReason: undefined,
      hasFiles: true,
      hasIdentity: false,
      lacks: {
        processes: undefined,
        identity: 'node:net does not ask the kernel',
        sections: 'everything goes through the stream',
        descriptors: 'node:net passes none',
        synchronous: 'node:net needs the event loop',
      },
    },
    {
      name: 'shm',
      create: createSharedMemory,
      skipReason: reason,
      hasFiles: true,
      hasIdentity: true,
      lacks: {
        processes: undefined,
        identity: undefined,
        sections: undefined,
        descriptors: undefined,
        synchronous: undefined,
      },
    },
  ];
}

function createSharedMemory(): Transport {
  const { transport, reason } = createShmTransport();
  if (transport === undefined) throw new Error(`Cannot test shared memory: ${reason}`);
  return transport;
}
