import { setTimeout as sleep } from 'node:timers/promises';

import { HANDSHAKE_TIMEOUT_MS, PortError, isPortError } from '@portcall/wire';
import type { LinkDecision, LinkOptions, OutgoingLink, Transport } from '@portcall/transport';

import { completeAttributes, effectiveAttributes } from './attributes.js';
import { chooseTransport } from './choose-transport.js';
import {
  decodeConnectPayload,
  decodeRejectPayload,
  encodeConnectPayload,
} from './handshake-payload.js';
import { PortChannel } from './port-channel.js';
import { parsePortName, portPaths, type PortName } from './port-name.js';
import { linkOptions, type EndpointOptions } from './port-options.js';
import { runtimeDirectory } from './runtime-directory.js';

/** Options of `connectPort`. */
export interface ConnectOptions extends EndpointOptions {
  /** For the server: `ConnectionRequest.info` there. At most `maxConnectInfo` bytes. */
  readonly info?: Uint8Array;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** A new connection for whoever makes a port of it. */
export interface ConnectedChannel {
  readonly channel: PortChannel;
  /** What the server said when it accepted. */
  readonly info: Uint8Array;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
}

/** First pause before a busy server is asked again; each further one is twice as long. */
const BUSY_RETRY_MS = 5;

/**
 * Connects to a named port and yields the channel, not started yet.
 *
 * @throws PortError PORT_NAME_INVALID, PORT_NOT_FOUND, ACCESS_DENIED, CONNECTION_REFUSED,
 * SERVER_BUSY, TIMEOUT, CANCELED, DISCONNECTED, QUOTA_EXCEEDED, PROTOCOL_ERROR
 */
export async function connectChannel(
  name: string,
  options: ConnectOptions = {},
): Promise<ConnectedChannel> {
  const portName = parsePortName(name);
  const attributes = completeAttributes(options.attributes);
  const info = options.info ?? new Uint8Array(0);
  if (info.length > attributes.maxConnectInfo) {
    throw new RangeError(
      `Cannot connect to port "${name}": info is ${info.length} bytes, limit is ` +
        `${attributes.maxConnectInfo} bytes`,
    );
  }
  const { transport, fallbackReason } = await chooseTransport(options.transport);
  const limits = linkOptions(options, attributes, HANDSHAKE_TIMEOUT_MS);
  const attempt = new ConnectAttempt({ transport, portName, limits, options });
  const { payload, link } = await attempt.run(encodeConnectPayload({ attributes, info }));
  if (link === undefined) throw refused(portName, payload);
  try {
    const theirs = decodeConnectPayload(payload);
    const effective = effectiveAttributes(attributes, theirs.attributes);
    const channel = new PortChannel(link, { attributes: effective, portName: name });
    return { channel, info: theirs.info, fallbackReason };
  } catch (error) {
    link.close();
    throw error;
  }
}

interface AttemptParts {
  readonly transport: Transport;
  readonly portName: PortName;
  readonly limits: LinkOptions;
  readonly options: ConnectOptions;
}

/** One call of `connectChannel`: tries again while the server is busy and there is time. */
class ConnectAttempt {
  readonly #parts: AttemptParts;
  readonly #address: string;
  readonly #giveUpAt: number;

  constructor(parts: AttemptParts) {
    const { transport, portName, options, limits } = parts;
    this.#parts = parts;
    const directory = options.directory ?? runtimeDirectory();
    this.#address =
      transport.name === 'memory' ? portName.path : portPaths(directory, portName).socket;
    this.#giveUpAt = performance.now() + limits.handshakeTimeoutMs;
  }

  async run(payload: Uint8Array): Promise<LinkDecision> {
    for (let pauseMs = BUSY_RETRY_MS; ; pauseMs *= 2) {
      try {
        const decision = await this.#once(payload);
        if (!isBusy(decision) || performance.now() + pauseMs > this.#giveUpAt) return decision;
      } catch (error) {
        throw this.#named(error);
      }
      await sleep(pauseMs);
    }
  }

  async #once(payload: Uint8Array): Promise<LinkDecision> {
    const { transport, limits, options } = this.#parts;
    const { signal } = options;
    this.#throwIfAborted(signal);
    const outgoing: OutgoingLink = await transport.connect(this.#address, limits);
    const onAbort = (): void => outgoing.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      this.#throwIfAborted(signal);
      return await outgoing.request(payload);
    } catch (error) {
      outgoing.close();
      this.#throwIfAborted(signal);
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
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
