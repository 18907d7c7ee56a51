import { lstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { ATTRIBUTE, FEATURE, PortError, isPortError } from '@portcall/wire';
import type { Link, LinkDecision, LinkOptions, OutgoingLink, Transport } from '@portcall/transport';

import { completeAttributes, effectiveAttributes } from './attributes.js';
import { diagnostics } from './diagnostics.js';
import {
  decodeConnectPayload,
  decodeRejectPayload,
  encodeConnectPayload,
  type ConnectPayload,
} from './handshake-payload.js';
import { wantedBits } from './message-attributes.js';
import { PortChannel } from './port-channel.js';
import { parsePortName, type PortName } from './port-name.js';
import { linkOptions, type EndpointOptions } from './port-options.js';
import { chooseTransportFor, placeOf, type PortPlace } from './port-place.js';
import { checkServerDirectory } from './runtime-directory.js';
import { SecurityContext, type SecurityQos } from './security-context.js';
import {
  checkAcceptor,
  checkListener,
  requiredServer,
  type ListenerFacts,
  type RequiredServer,
  type ServerRequirement,
} from './server-identity.js';
import { ServerSwap } from './server-swap.js';

/** Options of `connectPort`. */
export interface ConnectOptions extends EndpointOptions {
  /** For the server: `ConnectionRequest.info` there. At most `maxConnectInfo` bytes. */
  readonly info?: Uint8Array;
  /**
   * Who the server must be. Default: this user; for a `system:` port root or this user. Checked by
   * what the kernel says, before anything is sent and again of the process that answers.
   */
  readonly requireServer?: ServerRequirement;
  /**
   * Asks for a thread of its own at the server, which then watches the ring; the server grants it:
   * `capabilities.quick` says whether. Default false.
   */
  readonly quick?: boolean;
  /** How this process lets itself be known. Default: identify, static. */
  readonly security?: SecurityQos;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** A new connection for whoever makes a port of it. */
export interface ConnectedChannel {
  readonly channel: PortChannel;
  /** What the server said when it accepted. */
  readonly info: Uint8Array;
  /** Who the server is. */
  readonly security: SecurityContext;
  /** The kernel is to vouch for this process with each message: tracking is dynamic. */
  readonly isTracked: boolean;
  /** A thread of the server serves this connection alone. */
  readonly isQuick: boolean;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
}

/** First pause before a busy server is asked again; each further one is twice as long. */
const BUSY_RETRY_MS = 5;

/**
 * Longest pause before a new server is asked whose predecessor was replaced while we asked it: by
 * chance, else servers that follow each other quickly serve the same clients first every time.
 */
const SWAP_RETRY_MS = 5;

/**
 * Connects to a named port and yields the channel, not started yet.
 *
 * @throws PortError PORT_NAME_INVALID, PORT_NOT_FOUND, SERVER_IDENTITY_MISMATCH, ACCESS_DENIED,
 * CONNECTION_REFUSED, SERVER_BUSY, TIMEOUT, CANCELED, DISCONNECTED, QUOTA_EXCEEDED, PROTOCOL_ERROR
 */
export async function connectChannel(
  name: string,
  options: ConnectOptions = {},
): Promise<ConnectedChannel> {
  const portName = parsePortName(name);
  const { security = {}, info = new Uint8Array(0) } = options;
  const { level: allowImpersonation } = security;
  const attributes = completeAttributes({
    ...options.attributes,
    ...(allowImpersonation === undefined ? {} : { allowImpersonation }),
  });
  if (info.length > attributes.maxConnectInfo) {
    throw new RangeError(
      `Cannot connect to port "${name}": info is ${info.length} bytes, limit is ` +
        `${attributes.maxConnectInfo} bytes`,
    );
  }
  const own: ConnectPayload = {
    attributes,
    wanted: wantedBits(options.wants ?? []),
    isDynamic: security.tracking === 'dynamic',
    effectiveOnly: security.effectiveOnly ?? false,
    info,
  };
  const { transport, fallbackReason } = await chooseTransportFor(portName, options.transport);
  const limits = linkOptions(options, attributes);
  const attempt = new ConnectAttempt({ transport, portName, limits, options });
  const { payload, link, features } = await attempt.run(encodeConnectPayload(own));
  if (link === undefined) throw refused(portName, payload);
  try {
    const isQuick = (features & FEATURE.QUICK) !== 0;
    return { ...connected(link, own, payload, name), isQuick, fallbackReason };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** @throws PortError PROTOCOL_ERROR when the server's answer is not good */
function connected(
  link: Link,
  own: ConnectPayload,
  answer: Uint8Array,
  portName: string,
): Omit<ConnectedChannel, 'fallbackReason' | 'isQuick'> {
  const theirs = decodeConnectPayload(answer);
  const { maxConnectInfo } = own.attributes;
  if (theirs.info.length > maxConnectInfo) {
    throw new PortError(
      'PROTOCOL_ERROR',
      `Cannot connect to port "${portName}": its info is ${theirs.info.length} bytes, limit is ` +
        `${maxConnectInfo} bytes`,
      { portName, executed: 'no' },
    );
  }
  const attributes = effectiveAttributes(own.attributes, theirs.attributes);
  const hasHandles = attributes.dupObjectTypes.length > 0;
  const never = ATTRIBUTE.SECURITY | ATTRIBUTE.ON_BEHALF_OF | (hasHandles ? 0 : ATTRIBUTE.HANDLE);
  const channel = new PortChannel(link, {
    attributes,
    portName,
    wants: own.wanted & ~never,
    peerWants: theirs.wanted,
  });
  const { peer, transportName } = link;
  const security = new SecurityContext({
    peer,
    level: 'identify',
    isDynamic: false,
    effectiveOnly: false,
  });
  if (diagnostics.connect.hasSubscribers) {
    diagnostics.connect.publish({ portName, peer, transportName });
  }
  const isTracked = own.isDynamic && attributes.allowImpersonation !== 'anonymous';
  return { channel, info: theirs.info, security, isTracked };
}

interface AttemptParts {
  readonly transport: Transport;
  readonly portName: PortName;
  readonly limits: LinkOptions;
  readonly options: ConnectOptions;
}

/**
 * One call of `connectChannel`: tries again while the server is busy and there is time, and when
 * another server has taken the name over meanwhile.
 */
class ConnectAttempt {
  readonly #parts: AttemptParts;
  readonly #place: PortPlace;
  readonly #required: RequiredServer;
  readonly #swap: ServerSwap;
  readonly #giveUpAt: number;

  constructor(parts: AttemptParts) {
    const { transport, portName, options, limits } = parts;
    this.#parts = parts;
    this.#place = placeOf(portName, transport, options.directory);
    const inProcess = this.#place.kind === 'memory';
    this.#required = requiredServer(portName, options.requireServer, { inProcess });
    this.#swap = new ServerSwap(this.#place.kind === 'file' ? this.#place.address : undefined);
    this.#giveUpAt = performance.now() + limits.handshakeTimeoutMs;
  }

  async run(payload: Uint8Array): Promise<LinkDecision> {
    let busy: LinkDecision | undefined;
    for (let pauseMs = BUSY_RETRY_MS; ;) {
      this.#swap.remember();
      let isSwapped: boolean;
      try {
        const decision = await this.#once(payload);
        if (!isBusy(decision) || this.#isLate(pauseMs)) return decision;
        busy = decision;
        isSwapped = this.#swap.hasHappened();
      } catch (error) {
        // The last attempt had little time left: what the server said before is the better answer.
        if (busy !== undefined && isPortError(error) && error.code === 'TIMEOUT') return busy;
        isSwapped = this.#swap.explains(error);
        if (!isSwapped || this.#isLate(0)) throw this.#named(error);
      }
      await this.#pause(isSwapped ? Math.random() * SWAP_RETRY_MS : pauseMs);
      if (!isSwapped) pauseMs *= 2;
    }
  }

  /** Cut short by the caller's signal, which the next attempt looks at. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#parts.options;
    try {
      await sleep(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }

  #isLate(pauseMs: number): boolean {
    return performance.now() + pauseMs > this.#giveUpAt;
  }

  async #once(payload: Uint8Array): Promise<LinkDecision> {
    const { transport, limits, options } = this.#parts;
    const { signal } = options;
    this.#throwIfAborted(signal);
    this.#checkDirectory();
    const handshakeTimeoutMs = Math.max(this.#giveUpAt - performance.now(), 1);
    const outgoing: OutgoingLink = await transport.connect(this.#place.address, {
      ...limits,
      handshakeTimeoutMs,
    });
    const onAbort = (): void => outgoing.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      this.#throwIfAborted(signal);
      checkListener(this.#required, this.#listenerOf(outgoing));
      const features = options.quick === true ? FEATURE.QUICK : 0;
      const decision = await outgoing.request(payload, features);
      this.#checkDecision(decision);
      return decision;
    } catch (error) {
      outgoing.close();
      this.#throwIfAborted(signal);
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #checkDirectory(): void {
    if (this.#place.kind !== 'file') return;
    const { portName, options } = this.#parts;
    const uid = options.requireServer?.uid;
    checkServerDirectory(this.#place.files.directory, {
      namespace: portName.namespace,
      requiredUid: typeof uid === 'number' ? uid : undefined,
      portName: portName.text,
    });
  }

  #listenerOf({ peer }: OutgoingLink): ListenerFacts {
    const hasIdentity = this.#parts.transport.capabilities.identity;
    const isFile = this.#place.kind === 'file' && !hasIdentity;
    const stats = isFile ? lstatSync(this.#place.address, { throwIfNoEntry: false }) : undefined;
    return { peer, hasIdentity, socketUid: stats?.uid };
  }

  #checkDecision({ link, acceptor }: LinkDecision): void {
    if (link === undefined) return;
    try {
      checkAcceptor(this.#required, acceptor, this.#parts.transport.capabilities.identity);
    } catch (error) {
      link.close();
      throw error;
    }
  }

  #throwIfAborted(signal: AbortSignal | undefined): void {
    if (!signal?.aborted) return;
    const { text } = this.#parts.portName;
    throw new PortError('CANCELED', `Cannot connect to port "${text}": caller cancelled`, {
      portName: text,
      executed: 'no',
      cause: signal.reason,
    });
  }

  /** The transport knows addresses; the user knows the name. */
  #named(error: unknown): unknown {
    if (!isPortError(error) || error.portName !== undefined) return error;
    const { text } = this.#parts.portName;
    const reason = error.message.replace(/^Cannot connect to [^:]*: /, '');
    return new PortError(error.code, `Cannot connect to port "${text}": ${reason}`, {
      portName: text,
      executed: 'no',
      cause: error.cause ?? error,
    });
  }
}

function isBusy(decision: LinkDecision): boolean {
  if (decision.link !== undefined) return false;
  return decodeRejectPayload(decision.payload).status === 'SERVER_BUSY';
}

function refused(portName: PortName, payload: Uint8Array): PortError {
  const { status, info } = decodeRejectPayload(payload);
  const why = {
    ACCESS_DENIED: 'its access control list does not admit this process',
    SERVER_BUSY: 'the server has as many clients as it takes',
  } as Partial<Record<string, string>>;
  const text = why[status] ?? `the server refused (${status})`;
  return new PortError(status, `Cannot connect to port "${portName.text}": ${text}`, {
    portName: portName.text,
    executed: 'no',
    info,
    ...(status === 'SERVER_BUSY' ? { retryAfterMs: 100 } : {}),
  });
}
