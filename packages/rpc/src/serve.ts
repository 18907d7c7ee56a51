import { setTimeout as sleep } from 'node:timers/promises';

import {
  listenChannels,
  type AcceptedChannel,
  type CloseOptions,
  type ListenPortOptions,
  type ListeningPort,
  type PortChannel,
} from '@portcall/port';

import { CALLS_PER_CONNECTION_MAX, ConnectionHandler, type ErrorListener } from './handler.js';
import { InterfaceTable } from './interface-table.js';
import { rpcAttributes } from './rpc-attributes.js';
import type { ServiceImplementation } from './service-definition.js';

/** Options of {@link serve}: those of a port, and what rpc adds. */
export interface ServeOptions extends ListenPortOptions {
  /**
   * Told when a handler throws something that was not made to be sent to callers. Default: a
   * process warning.
   */
  readonly onError?: ErrorListener;
  /** Calls of one connection at once; more are refused SERVER_BUSY. Default 1 024. */
  readonly maxCallsPerConnection?: number;
}

/** How long `close` waits for calls unless told otherwise, in milliseconds. */
const DRAIN_MS = 5000;

/** How often a closing server looks whether its calls are done, in milliseconds. */
const DRAIN_POLL_MS = 5;

/** A running server. Owner: whoever called `serve`; `close()` or `await using` ends it. */
export class RpcServer implements AsyncDisposable {
  readonly #listening: ListeningPort;
  readonly #channels: Set<PortChannel>;

  constructor(listening: ListeningPort, channels: Set<PortChannel>) {
    this.#listening = listening;
    this.#channels = channels;
  }

  /** Name of the port. */
  get name(): string {
    return this.#listening.name;
  }

  /** Name of the transport that listens. */
  get transportName(): string {
    return this.#listening.transport.name;
  }

  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  get fallbackReason(): string | undefined {
    return this.#listening.fallbackReason;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#channels.size;
  }

  /** Takes the name away, lets calls finish for `drainMs`, then ends the connections. */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#listening.stop();
    const giveUpAt = performance.now() + (options.drainMs ?? DRAIN_MS);
    const isBusy = (): boolean => [...this.#channels].some((channel) => !channel.isIdle);
    while (isBusy() && performance.now() < giveUpAt) await sleep(DRAIN_POLL_MS);
    for (const channel of this.#channels) channel.close(0);
    while (this.#channels.size > 0) await sleep(0);
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Serves implementations of services at a named port on this machine.
 *
 * @param name `name`, `a/b` or `session:a/b`
 * @param services each made by a generated service's `implement`
 * @throws PortError PORT_NAME_INVALID, PORT_NAME_IN_USE, ACCESS_DENIED; TypeError when a method has
 * no implementation
 */
export async function serve(
  name: string,
  services: readonly ServiceImplementation[],
  options: ServeOptions = {},
): Promise<RpcServer> {
  const channels = new Set<PortChannel>();
  const shared = {
    interfaces: new InterfaceTable(services),
    onError: options.onError ?? warnOfError,
    maxCalls: options.maxCallsPerConnection ?? CALLS_PER_CONNECTION_MAX,
  };
  const onAccepted = ({ channel, security }: AcceptedChannel): void => {
    channels.add(channel);
    const handler = new ConnectionHandler(channel, { ...shared, security }, () => {
      channels.delete(channel);
      listening.release(channel);
    });
    channel.start(handler);
  };
  const attributes = rpcAttributes(options.attributes);
  const listening = await listenChannels(name, { ...options, attributes }, onAccepted);
  return new RpcServer(listening, channels);
}

const warnOfError: ErrorListener = (error, context) => {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`${context.method} failed: ${text}`, 'PortcallHandlerWarning');
};
