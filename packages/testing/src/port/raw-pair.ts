import { rmSync } from 'node:fs';

import {
  CommunicationPort,
  PortChannel,
  SecurityContext,
  type MessageHandler,
} from '@portcall/port';
import type { IncomingLink, Link, LinkOptions } from '@portcall/transport';

import type { PortWorld } from './port-world.js';

/** First number of a channel, for the wrap at 2^32. */
export interface FirstNumbers {
  readonly sequence: number;
  readonly id: number;
}

/** Two ports over a link of the transport, without the handshake of ports. */
export interface RawPair extends AsyncDisposable {
  readonly client: CommunicationPort;
  readonly server: CommunicationPort;
}

const LIMITS: LinkOptions = {
  ringBytes: 64 * 1024,
  handshakeTimeoutMs: 5000,
  spin: true,
  maxSectionSize: 1024 * 1024,
  maxTotalSectionSize: 1024 * 1024,
};

/** Makes two ports whose first messages bear the numbers given, as no handshake would allow. */
export async function openRawPair(
  world: PortWorld,
  first: FirstNumbers,
  onMessage: MessageHandler,
): Promise<RawPair> {
  const address = `${world.runtime.directory}/raw`;
  // The attributes that hold when nobody says otherwise.
  const { attributes } = await world.createPort({}, 'raw/defaults');
  let onIncoming: (incoming: IncomingLink) => void = () => undefined;
  const incomingSoon = new Promise<IncomingLink>((resolve) => (onIncoming = resolve));
  const listener = await world.transport.listen(address, {
    ...LIMITS,
    mode: 0o600,
    pendingConnectsMax: 1,
    busyPayload: new Uint8Array(0),
    onIncoming: (incoming) => onIncoming(incoming),
  });
  const outgoing = await world.transport.connect(address, LIMITS);
  const deciding = outgoing.request(new Uint8Array(0));
  const serverLink = (await incomingSoon).accept(new Uint8Array(0));
  const { link } = await deciding;
  if (link === undefined) throw new Error('The transport gave no link');
  const portOf = (own: Link): CommunicationPort => {
    return makePort(new PortChannel(own, { attributes, portName: 'raw', first }), onMessage);
  };
  const [client, server] = [portOf(link), portOf(serverLink)];
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.abort();
      await Promise.all([client.closed, server.closed, listener.close()]);
      rmSync(address, { force: true });
    },
  };
}

function makePort(channel: PortChannel, onMessage: MessageHandler): CommunicationPort {
  return new CommunicationPort({
    channel,
    info: new Uint8Array(0),
    context: undefined,
    security: new SecurityContext({
      peer: channel.link.peer,
      level: 'identify',
      isDynamic: false,
      effectiveOnly: false,
    }),
    isTracked: false,
    isQuick: false,
    wants: [],
    onMessage,
    inbox: undefined,
    onDrain: undefined,
    onClosed: undefined,
  });
}
