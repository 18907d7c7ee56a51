export type {
  CompanionSpace,
  FileLock,
  DetachedIncoming,
  IncomingLink,
  Link,
  LinkDecision,
  LinkEnd,
  LinkHandler,
  LinkLimits,
  LinkOptions,
  ListenOptions,
  Listener,
  MessageCredentials,
  OutgoingLink,
  PeerIdentity,
  PeerNamespaces,
  RecordClaim,
  SectionLimits,
  SectionReference,
  SectionSpace,
  Transport,
  TransportCapabilities,
} from './contract.js';
export { createMemoryTransport } from './memory-transport.js';
export { createSocketTransport } from './socket-transport.js';

export { PLAIN_CAPABILITIES } from './capabilities.js';
export {
  connectError,
  handshakeBroken,
  handshakeTimeout,
  versionRefused,
} from './connect-error.js';
export { checkAnswer, checkRequest } from './check-frame.js';
export { DescriptorReserve } from './descriptor-reserve.js';
export { HandshakeState } from './handshake-states.js';
export { FrameAssembler, PLAIN_FRAME, encodeFrame, speaksOurVersion, type Frame } from './frame.js';
export { PendingConnects } from './pending-connects.js';
export { lockOwnerLives, parseLockOwner, type LockOwner } from './pid-lock.js';
export { SocketLink } from './socket-link.js';
