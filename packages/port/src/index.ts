export { connectPort, type ConnectPortOptions } from './connect-port.js';
export { ConnectionPort, createPort, type CreatePortOptions } from './connection-port.js';
export { CommunicationPort } from './communication-port.js';
export type {
  CloseOptions,
  MessageHandler,
  MessageKind,
  MessageMode,
  PortEnd,
  PortMessage,
  RangePart,
  ReceiveOptions,
  RequestOptions,
  SendOptions,
  SendStep,
  SendWaitReceive,
  SentAndReceived,
  SyncRequestOptions,
} from './port-end.js';
export { ConnectionRequest, type AcceptOptions } from './connection-request.js';
export type { ClaimedIdentity, MemoryRange, WorkOnBehalf } from './outgoing-attributes.js';
export type { AnnouncedRange } from './incoming-attributes.js';
export type { AttributeName, MessageAttributes, MessageContext } from './message-attributes.js';
export { PortHandle, type HandleSource } from './port-handle.js';
export type { View } from './view.js';
export { SecurityContext, type SecurityQos, type SecurityToken } from './security-context.js';
export type { QuickOptions } from './quick-start.js';
export type { PortClosed } from './port-closed.js';
export type { PortStatistics } from './port-totals.js';
export { DIAGNOSTICS } from './diagnostics.js';
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
export type { ConnectHandler, ListenPortOptions } from './listen-options.js';
export type { ConnectOptions } from './connect-channel.js';
export type { EndpointOptions } from './port-options.js';
export type { TransportChoice } from './choose-transport.js';
export {
  PortAttributes,
  PortError,
  isPortError,
  type HandleType,
  type ImpersonationLevel,
  type StatusCode,
} from '@portcall/wire';
export type { PeerIdentity, TransportCapabilities } from '@portcall/transport';

export { connectChannel, type ConnectedChannel } from './connect-channel.js';
export { listenChannels, type ListeningPort } from './listen-channels.js';
export type { AcceptedChannel } from './connection-request.js';
export { PortChannel, type ChannelOptions, type ChannelStatistics } from './port-channel.js';
export type { ChannelHandler } from './channel-handler.js';
export type { MessageSpace } from './outbox.js';
export { IncomingRequest } from './incoming-request.js';
export { ownData, type MessageData } from './message-data.js';
export type { MessageHead } from './message-header.js';
export type { ReplySink } from './pending-requests.js';
export { canceled, timedOut } from './request-errors.js';
