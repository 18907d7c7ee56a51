import { PortError } from '@portcall/wire';

import { PLAIN_CAPABILITIES } from './capabilities.js';
import { connectError, handshakeBroken, handshakeTimeout } from './connect-error.js';
import type {
  IncomingLink,
  Link,
  LinkDecision,
  LinkOptions,
  ListenOptions,
  Listener,
  OutgoingLink,
  Transport,
} from './contract.js';
import { MemoryLink } from './memory-link.js';
import { PendingConnects } from './pending-connects.js';

interface MemoryListener {
  readonly options: ListenOptions;
  readonly pending: PendingConnects;
  /** Clients that wait for a decision: what ends their wait. */
  readonly undecided: Set<() => void>;
}

/**
 * Connections inside one process. Each transport has names of its own: hand the same one to both
 * sides.
 */
export function createMemoryTransport(): Transport {
  const listeners = new Map<string, MemoryListener>();
  const locks = new Set<string>();
  return {
    name: 'memory',
    capabilities: PLAIN_CAPABILITIES,
    async listen(address, options): Promise<Listener> {
      if (listeners.has(address)) {
        throw new PortError('PORT_NAME_IN_USE', `Cannot listen at ${address}: it is in use`);
      }
      const pending = new PendingConnects(options.pendingConnectsMax);
      const listener = { options, pending, undecided: new Set<() => void>() };
      listeners.set(address, listener);
      return {
        async close() {
          if (listeners.get(address) === listener) listeners.delete(address);
          for (const giveUp of listener.undecided) giveUp();
        },
      };
    },
    async connect(address, options): Promise<OutgoingLink> {
      const listener = listeners.get(address);
      if (listener === undefined) throw connectError(address, 'ENOENT', undefined);
      return new OutgoingMemory(address, listener, options);
    },
    tryLock(path) {
      if (locks.has(path)) return undefined;
      locks.add(path);
      return { release: () => void locks.delete(path) };
    },
  };
}

class OutgoingMemory implements OutgoingLink {
  readonly peer = undefined;
  readonly #address: string;
  readonly #listener: MemoryListener;
  readonly #options: LinkOptions;
  #giveUp: (() => void) | undefined;

  constructor(address: string, listener: MemoryListener, options: LinkOptions) {
    this.#address = address;
    this.#listener = listener;
    this.#options = options;
  }

  request(payload: Uint8Array, features = 0): Promise<LinkDecision> {
    const { options, pending, undecided } = this.#listener;
    const leave = pending.tryEnter(undefined);
    if (leave === undefined) {
      return Promise.resolve(decided(options.busyPayload));
    }
    return new Promise<LinkDecision>((resolve, reject) => {
      const timeoutMs = this.#options.handshakeTimeoutMs;
      const incoming = new IncomingMemory({ payload: payload.slice(), features }, (decision) => {
        settle();
        resolve(decision);
      });
      const giveUp = (): void => fail(handshakeBroken(this.#address));
      const settle = (): void => {
        clearTimeout(timer);
        undecided.delete(giveUp);
        leave();
      };
      const fail = (error: PortError): void => {
        settle();
        incoming.abandon();
        reject(error);
      };
      const timer = setTimeout(() => fail(handshakeTimeout(this.#address, timeoutMs)), timeoutMs);
      undecided.add(giveUp);
      this.#giveUp = giveUp;
      process.nextTick(() => options.onIncoming(incoming));
    });
  }

  close(): void {
    this.#giveUp?.();
  }
}

class IncomingMemory implements IncomingLink {
  readonly peer = undefined;
  readonly payload: Uint8Array;
  readonly features: number;
  onGone: (() => void) | undefined;
  readonly #decide: (decision: LinkDecision) => void;
  #gone = false;

  constructor(
    request: Pick<IncomingLink, 'payload' | 'features'>,
    decide: (decision: LinkDecision) => void,
  ) {
    this.payload = request.payload;
    this.features = request.features;
    this.#decide = decide;
  }

  accept(payload: Uint8Array, features = 0): Link {
    if (this.#gone) throw handshakeBroken('client');
    const [client, server] = MemoryLink.createPair();
    this.#decide({ ...decided(payload), link: client, features });
    return server;
  }

  reject(payload: Uint8Array): void {
    if (!this.#gone) this.#decide(decided(payload));
  }

  /** The client went away. */
  abandon(): void {
    this.#gone = true;
    this.onGone?.();
  }
}

/** A decision without a link. */
function decided(payload: Uint8Array): LinkDecision {
  return { payload: payload.slice(), link: undefined, features: 0, acceptor: undefined };
}
