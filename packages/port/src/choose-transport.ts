import { createSocketTransport, type Transport } from '@portcall/transport';

/** A transport by name, or one of the program's own making. */
export type TransportChoice = 'auto' | 'shm' | 'socket' | Transport;

/** Which transport a port got, and why not a faster one. */
export interface ChosenTransport {
  readonly transport: Transport;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
}

/**
 * `'auto'` takes shared memory where this process can have it, else the portable socket.
 *
 * @throws Error for `'shm'` where there is none, with the reason
 */
export async function chooseTransport(choice: TransportChoice = 'auto'): Promise<ChosenTransport> {
  if (typeof choice === 'object') return { transport: choice, fallbackReason: undefined };
  if (choice === 'socket') return { transport: createSocketTransport(), fallbackReason: undefined };
  const { transport, reason } = await loadSharedMemory();
  if (transport !== undefined) return { transport, fallbackReason: undefined };
  if (choice === 'shm') throw new Error(`Cannot use shared memory: ${reason}`);
  return { transport: createSocketTransport(), fallbackReason: reason };
}

async function loadSharedMemory(): Promise<{
  readonly transport?: Transport | undefined;
  readonly reason?: string | undefined;
}> {
  try {
    const { createShmTransport } = await import('@portcall/shm');
    return createShmTransport();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return { reason: 'the package @portcall/shm is not installed' };
  }
}
