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
  ATTRIBUTE_WORDS,
  CONNECT_INFO_BYTES_MAX,
  DEFAULT_PORT_ATTRIBUTES,
  HANDLE_TYPES,
  IMPERSONATION_LEVELS,
  NUMERIC_ATTRIBUTES,
  PORT_ATTRIBUTE_MAX,
  PortAttributes,
  type HandleType,
  type ImpersonationLevel,
} from './port-attributes.js';
export { PENDING_REQUESTS_MAX, TIMEOUT_MS_MAX } from './limits.js';

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
export {
  ANNOUNCED_MAX,
  CONTROL_TOKEN,
  SECTION_KIND,
  SECTION_TOKEN_BYTES,
  SECTION_TOKEN_OFFSET,
  SHORT_TOKEN_BYTES,
  SHORT_TOKEN_OFFSET,
} from './control-layout.js';
export {
  ATTRIBUTE,
  ATTRIBUTES_KNOWN,
  ATTRIBUTE_BYTES_MAX,
  BAGGAGE_BYTES_MAX,
  BEHALF_CHAIN_MAX,
  CALLBACK_DEPTH_MAX,
  CREDIT_DATA_BYTES,
  HANDLES_MAX,
  LISTED_ITEM_BYTES,
  RANGES_MAX,
  RANGE_ACCESS,
  RANGE_HEADER_BYTES,
  RANGE_OPERATION,
  SHORT_ATTRIBUTE_BYTES,
  TRACE_BYTES_MAX,
} from './message-attributes-layout.js';
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
