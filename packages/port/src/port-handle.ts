import { closeSync, createReadStream, createWriteStream, fstatSync, readlinkSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:fs';
import { Socket } from 'node:net';

import { PortError, type HandleType } from '@portcall/wire';

/** What can be sent as a handle: a descriptor, or anything of Node that has one. */
export type HandleSource = number | { readonly fd: number };

/**
 * What kind of thing a descriptor is.
 *
 * @returns `undefined` for a kind that never travels, such as a device
 * @throws the system's error when it is no descriptor
 */
export function handleTypeOf(descriptor: number): HandleType | undefined {
  const stats = fstatSync(descriptor);
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'pipe';
  if (stats.isSocket()) return 'socket';
  if (!stats.isFile()) return undefined;
  return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('/memfd:') ? 'memory' : 'file';
}

/**
 * The descriptors to send.
 *
 * @throws PortError ACCESS_DENIED for a type that both sides did not enable
 */
export function handlesToSend(
  sources: readonly HandleSource[],
  enabled: readonly HandleType[],
  portName: string,
): number[] {
  return sources.map((source) => {
    const descriptor = typeof source === 'number' ? source : source.fd;
    const type = handleTypeOf(descriptor);
    if (type !== undefined && enabled.includes(type)) return descriptor;
    throw new PortError(
      'ACCESS_DENIED',
      `Cannot send handle to port "${portName}": it is a ${type ?? 'thing of no known type'}, ` +
        `both sides enable ${enabled.length === 0 ? 'none' : enabled.join(', ')}`,
      { portName },
    );
  });
}

/** A net, for messages that nobody ever received: closes what a collected handle still holds. */
const forgotten = new FinalizationRegistry<{ descriptor: number }>((held) => {
  if (held.descriptor >= 0) closeSync(held.descriptor);
});

/** A descriptor that came with a message. Closed when the handler returns, unless claimed. */
export class PortHandle implements Disposable {
  /** What it is. */
  readonly type: HandleType;
  readonly #held: { descriptor: number };

  /** @param descriptor from now on the handle's own */
  constructor(type: HandleType, descriptor: number) {
    this.type = type;
    this.#held = { descriptor };
    forgotten.register(this, this.#held, this);
  }

  /** Whether it was neither claimed nor closed. */
  get isOpen(): boolean {
    return this.#held.descriptor >= 0;
  }

  /** The descriptor, borrowed: the handle still closes it. −1 once it was claimed or closed. */
  get fd(): number {
    return this.#held.descriptor;
  }

  /** Takes the descriptor: the caller closes it. @throws Error when it was claimed or closed */
  claim(): number {
    const { descriptor } = this.#held;
    if (descriptor < 0) throw new Error('Cannot claim handle: it was claimed or closed already');
    this.#letGo();
    return descriptor;
  }

  /** Claims a file or pipe for reading. */
  toReadStream(): ReadStream {
    return createReadStream('', { fd: this.claim() });
  }

  /** Claims a file or pipe for writing. */
  toWriteStream(): WriteStream {
    return createWriteStream('', { fd: this.claim() });
  }

  /** Claims a stream socket or pipe. */
  toSocket(): Socket {
    return new Socket({ fd: this.claim(), readable: true, writable: true });
  }

  /** Closes it unless it was claimed. Safe to call twice. */
  close(): void {
    const { descriptor } = this.#held;
    this.#letGo();
    if (descriptor >= 0) closeSync(descriptor);
  }

  /** As `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #letGo(): void {
    this.#held.descriptor = -1;
    forgotten.unregister(this);
  }
}
