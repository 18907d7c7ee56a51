import { PortError } from '@portcall/wire';

import { MEMORY_CAPABILITIES } from './capabilities.js';
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
import { HandshakeState } from './handshake-states.js';
import { MemoryLink } from './memory-link.js';
import { PendingConnects } from './pending-connects.js';

interface MemoryListener {
  readonly options: ListenOptions;
  readonly pending: PendingConnects;
  /** Clients that wait for a decision: what tells each that there will be none. */
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
    capabilities: MEMORY_CAPABILITIES,
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
          for (const refuse of listener.undecided) refuse();
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
      const timeoutMs = Math.min(this.#options.handshakeTimeoutMs, options.handshakeTimeoutMs);
      const incoming = new IncomingMemory({ payload: payload.slice(), features }, (decision) => {
        settle();
        resolve(decision);
      });
      const refuse = (): void => incoming.refuse(options.busyPayload);
      const settle = (): void => {
        clearTimeout(timer);
        undecided.delete(refuse);
        leave();
      };
      const fail = (error: PortError): void => {
        settle();
        incoming.abandon();
        reject(error);
      };
      const timer = setTimeout(() => fail(handshakeTimeout(this.#address, timeoutMs)), timeoutMs);
      undecided.add(refuse);
      this.#giveUp = () => fail(handshakeBroken(this.#address));
      process.nextTick(() => {
        if (incoming.isUndecided) options.onIncoming(incoming);
      });
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
  readonly #state = new HandshakeState('server');
  readonly #decide: (decision: LinkDecision) => void;

  constructor(
    request: Pick<IncomingLink, 'payload' | 'features'>,
    decide: (decision: LinkDecision) => void,
  ) {
    this.payload = request.payload;
    this.features = request.features;
    this.#decide = decide;
    this.#state.step('request');
  }

  /** Whether a decision is still to be made. */
  get isUndecided(): boolean {
    return this.#state.name === 'ASKED';
  }

  accept(payload: Uint8Array, features = 0): Link {
    if (!this.#state.allows('accept')) throw handshakeBroken('client');
    this.#state.step('accept');
    const [client, server] = MemoryLink.createPair();
    this.#decide({ ...decided(payload), link: client, features });
    return server;
  }

  reject(payload: Uint8Array): void {
    if (!this.#state.allows('reject')) return;
    this.#state.step('reject');
    this.#decide(decided(payload));
  }

  /** The listener ends without a decision. */
  refuse(busyPayload: Uint8Array): void {
    if (!this.isUndecided) return;
    this.reject(busyPayload);
    this.onGone?.();
  }

  /** The client went away, or the time is over. */
  abandon(): void {
    if (!this.isUndecided) return;
    this.#state.step('broken');
    this.onGone?.();
  }
}

/** A decision without a link. */
function decided(payload: Uint8Array): LinkDecision {
  return { payload: payload.slice(), link: undefined, features: 0, acceptor: undefined };
}
