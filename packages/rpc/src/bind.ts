import {
  MESSAGE_TYPE,
  PortError,
  RPC_KIND,
  RPC_REQUEST_HEADER_BYTES,
  statusCodeOf,
} from '@portcall/wire';
import {
  connectChannel,
  ownData,
  type ChannelStatistics,
  type ConnectOptions,
  type MessageData,
  type PeerIdentity,
  type PortChannel,
  type PortClosed,
} from '@portcall/port';

import { Caller, type CallConnection } from './call.js';
import type { CallOptions } from './call-options.js';
import {
  decodeBindResults,
  encodeBindItems,
  interfaceIdOf,
  type BindResult,
  type InterfaceId,
} from './interface-id.js';
import { MessageReader } from './message-reader.js';
import { MessageWriter } from './message-writer.js';
import { MessageSender } from './message-sender.js';
import { prepareMethod, requireUnary } from './prepared-method.js';
import { rpcAttributes } from './rpc-attributes.js';
import type { AnyService, ServiceDefinition } from './service-definition.js';
import { parseStringBinding } from './string-binding.js';

/** Options of {@link bind}: those of a port's client. */
export type BindOptions = ConnectOptions;

/** The connection under a bound client. */
export interface ClientConnection extends AsyncDisposable {
  /** The server's process, as the kernel identified it; `undefined` where it cannot. */
  readonly peer: PeerIdentity | undefined;
  /** Name of the transport that carries it. */
  readonly transportName: string;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
  /** Messages so far, by mode. */
  readonly statistics: ChannelStatistics;
  /** Resolves when it has ended. Never rejects. */
  readonly closed: Promise<PortClosed>;
  /** Ends it; calls under way fail. Safe to call twice. */
  close(): Promise<void>;
  /** Lets the process end while it is open. */
  unref(): void;
}

/** A typed client, and its connection under `connection`. `await using` closes it. */
export type BoundClient<Client> = Client & {
  readonly connection: ClientConnection;
} & AsyncDisposable;

/** How long the server may take to answer what it has, in milliseconds. */
const BIND_TIMEOUT_MS = 5000;

/**
 * Connects to a service on this machine.
 *
 * @param binding `ncalrpc:[name]`, or just the port's name
 * @throws PortError PORT_NOT_FOUND, ACCESS_DENIED, CONNECTION_REFUSED, UNKNOWN_INTERFACE,
 * VERSION_MISMATCH, INVALID_BINDING, PROTSEQ_NOT_SUPPORTED, TIMEOUT, …
 *
 * Source: RpcBindingFromStringBinding; the connection is made now, not at the first call.
 */
export async function bind<Client, Implementation extends object>(
  service: ServiceDefinition<Client, Implementation>,
  binding: string,
  options: BindOptions = {},
): Promise<BoundClient<Client>> {
  const { endpoint } = parseStringBinding(binding);
  const attributes = rpcAttributes(options.attributes);
  const connected = await connectChannel(endpoint, { ...options, attributes });
  const { channel } = connected;
  const closed = startClient(channel);
  try {
    const [result] = await bindInterfaces(channel, [interfaceIdOf(service)]);
    const index = acceptedIndex(service, channel, result);
    const connection: CallConnection = {
      channel,
      sender: new MessageSender(channel, new MessageWriter()),
      reader: new MessageReader(),
    };
    const stubs = makeStubs(service, new Caller(connection, index));
    return addConnection(stubs as Client & object, {
      peer: channel.link.peer,
      transportName: channel.link.transportName,
      fallbackReason: connected.fallbackReason,
      get statistics() {
        return channel.statistics;
      },
      closed,
      close: () => closeClient(channel, closed),
      unref: () => channel.link.setRef(false),
      [Symbol.asyncDispose]: () => closeClient(channel, closed),
    });
  } catch (error) {
    channel.close(0);
    throw error;
  }
}

async function closeClient(channel: PortChannel, closed: Promise<PortClosed>): Promise<void> {
  channel.close(0);
  await closed;
}

/** A client serves nothing: what the server asks of it is refused or ignored. */
function startClient(channel: PortChannel): Promise<PortClosed> {
  return new Promise((resolve) => {
    channel.start({
      onRequest: (request) => {
        channel.settle(request);
        channel.failRequest(request.id, 'UNKNOWN_METHOD', 'no');
      },
      onDatagram: () => undefined,
      onClosed: resolve,
    });
  });
}

function bindInterfaces(
  channel: PortChannel,
  items: readonly InterfaceId[],
): Promise<readonly BindResult[]> {
  return new Promise((resolve, reject) => {
    const sink = {
      onReply(data: MessageData): void {
        try {
          resolve(decodeBindResults(ownData(data), items.length));
        } catch (error) {
          reject(error);
        }
      },
      onFailure: reject,
    };
    const id = channel.addRequest(sink, performance.now() + BIND_TIMEOUT_MS);
    const header = new Uint8Array(RPC_REQUEST_HEADER_BYTES);
    new DataView(header.buffer).setUint32(0, RPC_KIND.BIND << 16, true);
    const head = { type: MESSAGE_TYPE.REQUEST, messageId: id, status: 0, flags: 0 };
    channel.send(head, [header, encodeBindItems(items)]);
  });
}

function acceptedIndex(
  service: AnyService,
  channel: PortChannel,
  result: BindResult | undefined,
): number {
  if (result?.status === 0) {
    if (result.fingerprintDiffers) warnOfSchema(service, channel);
    return result.index;
  }
  const code = statusCodeOf(result?.status ?? 0) ?? 'UNKNOWN_INTERFACE';
  const { major, minor } = service.version;
  const why =
    code === 'VERSION_MISMATCH'
      ? `the server has another version than ${major}.${minor}`
      : `the server does not have this interface (${code})`;
  throw new PortError(
    code,
    `Cannot bind ${service.fullName} at port "${channel.portName}": ${why}`,
    { portName: channel.portName },
  );
}

function warnOfSchema(service: AnyService, channel: PortChannel): void {
  process.emitWarning(
    `${service.fullName} at port "${channel.portName}" has the same version but another schema`,
    'PortcallSchemaWarning',
  );
}

function makeStubs(service: AnyService, caller: Caller): Record<string, unknown> {
  const stubs: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(service.methods)) {
    const method = prepareMethod(service, definition);
    stubs[name] = (request: unknown, options?: CallOptions): Promise<unknown> => {
      requireUnary(method);
      return definition.oneway || definition.maybe
        ? caller.oneway(method, request, options)
        : caller.unary(method, request, options);
    };
  }
  return stubs;
}

function addConnection<Client extends object>(
  stubs: Client,
  connection: ClientConnection,
): BoundClient<Client> {
  return Object.assign(stubs, {
    connection,
    [Symbol.asyncDispose]: () => connection.close(),
  });
}
