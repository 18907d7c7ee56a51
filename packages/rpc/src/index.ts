export { bind, type BindOptions, type BoundClient, type ClientConnection } from './bind.js';
export { RpcServer, serve, type ServeOptions } from './serve.js';
export type { CallContext } from './call-context.js';
export type { CallOptions } from './call-options.js';
export { Metadata, type MetadataValue } from './metadata.js';
export { RpcError, isRpcError, type ErrorDetail, type RpcErrorOptions } from './rpc-error.js';
export { Status, statusName } from './status.js';
export { PortError, isPortError, type PeerIdentity, type PortAttributes } from '@portcall/port';

export {
  defineService,
  type AnyService,
  type MethodDefinition,
  type MethodKind,
  type ServiceDefinition,
  type ServiceImplementation,
  type ServiceOptions,
} from './service-definition.js';
export type { MessageCodec, PartialMessage } from './codec.js';
export type { ErrorListener } from './handler.js';
export { MessageReader } from './message-reader.js';
export { MessageWriter } from './message-writer.js';
export { parseStringBinding, type StringBinding } from './string-binding.js';
