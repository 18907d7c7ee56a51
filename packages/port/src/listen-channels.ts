import { ATTRIBUTE, type PortAttributes } from '@portcall/wire';
import type { Transport } from '@portcall/transport';

import { AcceptDesk, type LiveConnection } from './accept-desk.js';
import type { Acl } from './acl.js';
import { completeAttributes } from './attributes.js';
import { claimName } from './claim-name.js';
import type { AcceptedChannel } from './connection-request.js';
import { encodeConnectPayload, encodeRejectPayload } from './handshake-payload.js';
import type { ListenPortOptions } from './listen-options.js';
import { wantedBits } from './message-attributes.js';
import type { OwnedName } from './owned-name.js';
import { parseNewPortName } from './port-name.js';
import { linkOptions } from './port-options.js';
import { chooseTransportFor, placeOf } from './port-place.js';
import { QuickThreads } from './quick-threads.js';
import { listAcl, socketAccess } from './socket-access.js';

/** A named port that listens. */
export interface ListeningPort {
  /** In full: of an unnamed port with the digits that were made up for it. */
  readonly name: string;
  readonly attributes: PortAttributes;
  readonly transport: Transport;
  /** Why there is no shared memory; `undefined` when there is, or was not asked for. */
  readonly fallbackReason: string | undefined;
  /** An accepted connection has ended: its place is free. */
  release(connection: LiveConnection): void;
  /**
   * Puts another list in place of the present one. Connections that it does not admit are closed
   * with ACCESS_DENIED, those that may not call any more have their requests refused.
   */
  setAcl(acl: Acl): void;
  /** Resolves when another server has the name: nobody new comes any more. */
  readonly handedOver: Promise<void>;
  /** Clients that have a thread of their own. */
  readonly threads: QuickThreads | undefined;
  /** Takes the name away and stops listening; connections stay. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Claims a name and hands every accepted connection to `onAccepted`.
 *
 * @throws PortError PORT_NAME_INVALID, PORT_NAME_IN_USE, ACCESS_DENIED
 */
export async function listenChannels(
  name: string,
  options: ListenPortOptions,
  onAccepted: (accepted: AcceptedChannel) => void,
): Promise<ListeningPort> {
  const portName = parseNewPortName(name);
  const attributes = completeAttributes(options.attributes);
  const { transport, fallbackReason } = await chooseTransportFor(portName, options.transport);
  const { namespace } = portName;
  const acl = listAcl(namespace, transport, options.acl);
  const access = socketAccess(namespace, acl);
  const handoverPayload = plainPayload(attributes);
  const wantsCredentials = (wantedBits(options.wants ?? []) & ATTRIBUTE.SECURITY) !== 0;
  const link = { ...linkOptions(options, attributes), wantsCredentials };
  const threads = options.quick === undefined ? undefined : new QuickThreads(options.quick);
  const desk = new AcceptDesk({
    name: portName.text,
    attributes,
    options,
    link,
    threads,
    onAccepted,
    acl,
  });
  const claimed = await claimName({
    transport,
    name: portName,
    place: placeOf(portName, transport, options.directory),
    access,
    listen: {
      ...link,
      mode: access.mode,
      pendingConnectsMax: attributes.maxPendingConnects,
      busyPayload: encodeRejectPayload({ status: 'SERVER_BUSY', info: new Uint8Array(0) }),
      onIncoming: (incoming) => desk.receive(incoming),
    },
    handoverPayload: options.handover === true ? handoverPayload : undefined,
  });
  const handedOver = desk.offerName(claimed, handoverPayload);
  let stopping: Promise<void> | undefined;
  return {
    name: portName.text,
    attributes,
    transport,
    fallbackReason,
    handedOver,
    threads,
    release: (connection) => desk.release(connection),
    setAcl(next) {
      desk.setAcl(listAcl(namespace, transport, next));
      claimed.setAccess(socketAccess(namespace, next));
    },
    stop: () => (stopping ??= stopListening(desk, claimed)),
  };
}

/** What the two sides of a handover say of themselves: nothing that matters there. */
function plainPayload(attributes: PortAttributes): Uint8Array {
  return encodeConnectPayload({
    attributes,
    wanted: 0,
    isDynamic: false,
    effectiveOnly: false,
    info: new Uint8Array(0),
  });
}

/** The name goes in the same turn, unless it is just being handed over. */
function stopListening(desk: AcceptDesk, claimed: OwnedName): Promise<void> {
  const settling = desk.settleHandover();
  return settling === undefined ? claimed.close() : settling.then(() => claimed.close());
}
