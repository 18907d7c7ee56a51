export { connectPort, type ConnectPortOptions } from './connect-port.js';
export { ConnectionPort, createPort, type CreatePortOptions } from './connection-port.js';
export { CommunicationPort, type MessageHandler } from './communication-port.js';
export type { CloseOptions, PortEnd, RequestOptions } from './port-end.js';
export { ConnectionRequest, type AcceptOptions } from './connection-request.js';
export { PortMessage } from './port-message.js';
export type { PortClosed } from './port-closed.js';
export {
  explainAcl,
  type Acl,
  type AclEntry,
  type AclQuestion,
  type AclVerdict,
  type NamespaceKind,
  type PortRight,
} from './acl.js';
export type { ServerRequirement } from './server-identity.js';
export type { ConnectHandler, ListenPortOptions } from './listen-channels.js';
export type { ConnectOptions } from './connect-channel.js';
export type { EndpointOptions } from './port-options.js';
export type { TransportChoice } from './choose-transport.js';
export { PortError, isPortError, type PortAttributes, type StatusCode } from '@portcall/wire';
export type { PeerIdentity, TransportCapabilities } from '@portcall/transport';

export { connectChannel, type ConnectedChannel } from './connect-channel.js';
export { listenChannels, type ListeningPort } from './listen-channels.js';
export type { AcceptedLink } from './connection-request.js';
export {
  PortChannel,
  type ChannelHandler,
  type ChannelOptions,
  type ChannelStatistics,
  type MessageSpace,
} from './port-channel.js';
export { IncomingRequest } from './incoming-request.js';
export { ownData, type MessageData } from './message-data.js';
export type { MessageHead } from './message-header.js';
export type { ReplySink } from './pending-requests.js';
export { canceled, timedOut } from './request-errors.js';
