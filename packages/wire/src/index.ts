export { PortError, isPortError, type PortErrorDetails } from './port-error.js';
export {
  EXECUTED,
  STATUS,
  statusCodeOf,
  type Executed,
  type StatusCode,
  type StatusInfo,
} from './status.js';
export type { MessageId, MethodId } from './ids.js';
export {
  CONNECT_INFO_BYTES_MAX,
  DEFAULT_PORT_ATTRIBUTES,
  PORT_ATTRIBUTE_MAX,
  PORT_ATTRIBUTE_ORDER,
  type PortAttributes,
} from './port-attributes.js';
export {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_UID_MAX,
  HANDSHAKE_TIMEOUT_MS,
  PENDING_CONNECTS_MAX,
  PENDING_REQUESTS_MAX,
  TIMEOUT_MS_MAX,
} from './limits.js';

export {
  FEATURE,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_OFFSET,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_TYPE,
  WIRE_VERSION,
  type FrameType,
} from './frame-layout.js';
export { CONTROL_TOKEN, SECTION_TOKEN_BYTES, SECTION_TOKEN_OFFSET } from './control-layout.js';
export {
  LAYOUT_HASH,
  REGION_HEADER_BYTES,
  REGION_MAGIC,
  REGION_OFFSET,
  RING_BYTES_MAX,
  RING_BYTES_MIN,
  isRingBytes,
} from './region-layout.js';
export {
  RECORD_ALIGNMENT_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RECORD_OFFSET,
  alignRecord,
} from './record-layout.js';
export {
  DATA_INFO_BYTES,
  DATA_INFO_OFFSET,
  MESSAGE_FLAG,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MODE,
  MESSAGE_OFFSET,
  MESSAGE_TYPE,
  type MessageType,
} from './message-layout.js';
export {
  BIND_ITEMS_MAX,
  BIND_ITEM_BYTES,
  BIND_RESULT_BYTES,
  RPC_KIND,
  RPC_REPLY_HEADER_BYTES,
  RPC_REPLY_OFFSET,
  RPC_REQUEST_HEADER_BYTES,
  RPC_REQUEST_OFFSET,
} from './rpc-layout.js';
