/*
 * The protocol's numbers as literals: who changes a layout changes this table, the version of the
 * protocol and docs/PROTOCOL.md with it.
 */
import { describe, expect, it } from 'vitest';

import {
  ANNOUNCED_MAX,
  CONTROL_TOKEN,
  SECTION_TOKEN_BYTES,
  SECTION_TOKEN_OFFSET,
  SHORT_TOKEN_BYTES,
  SHORT_TOKEN_OFFSET,
} from './control-layout.js';
import {
  FEATURE,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_OFFSET,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_TYPE,
  WIRE_VERSION,
} from './frame-layout.js';
import {
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
import {
  DATA_INFO_BYTES,
  DATA_INFO_OFFSET,
  MESSAGE_FLAG,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MODE,
  MESSAGE_OFFSET,
  MESSAGE_TYPE,
} from './message-layout.js';
import {
  ATTRIBUTE_WORDS,
  CONNECT_INFO_BYTES_MAX,
  DEFAULT_PORT_ATTRIBUTES,
  HANDLE_TYPES,
  IMPERSONATION_LEVELS,
  NUMERIC_ATTRIBUTES,
  PORT_ATTRIBUTE_MAX,
} from './port-attributes.js';
import { RECORD_HEADER_BYTES, RECORD_KIND, RECORD_OFFSET, alignRecord } from './record-layout.js';
import {
  LAYOUT_HASH,
  REGION_HEADER_BYTES,
  REGION_MAGIC,
  REGION_OFFSET,
  RING_BYTES_MAX,
  RING_BYTES_MIN,
} from './region-layout.js';
import {
  BIND_ITEM_BYTES,
  BIND_RESULT_BYTES,
  RPC_REPLY_OFFSET,
  RPC_REQUEST_OFFSET,
} from './rpc-layout.js';

describe('the layouts', () => {
  it('of a handshake frame', () => {
    expect(FRAME_MAGIC).toBe(Buffer.from('PCL1').readUInt32LE());
    expect([FRAME_HEADER_BYTES, FRAME_PAYLOAD_BYTES_MAX]).toEqual([24, 65_536]);
    expect(Object.values(FRAME_OFFSET)).toEqual([0, 4, 5, 6, 7, 8, 12, 16, 20]);
    expect(FRAME_TYPE).toEqual({ CONNECT_REQUEST: 1, ACCEPT: 2, REJECT: 3 });
    expect(FEATURE).toEqual({ SHARED_MEMORY: 1, HANDOVER: 2, QUICK: 4 });
    expect(WIRE_VERSION).toEqual({ MIN: 2, MAX: 2 });
  });

  it('of the control stream', () => {
    expect(CONTROL_TOKEN).toEqual({ DOORBELL: 1, SECTION: 2, HANDLES: 3, CREDENTIALS: 4 });
    expect([SECTION_TOKEN_BYTES, SHORT_TOKEN_BYTES, ANNOUNCED_MAX]).toEqual([16, 8, 64]);
    expect(Object.values(SECTION_TOKEN_OFFSET)).toEqual([0, 1, 4, 8, 12]);
    expect(Object.values(SHORT_TOKEN_OFFSET)).toEqual([0, 1, 4]);
  });

  it('of a region', () => {
    expect(REGION_MAGIC).toBe(Buffer.from('PCRG').readUInt32LE());
    expect(REGION_HEADER_BYTES).toBe(4096);
    expect(Object.values(REGION_OFFSET)).toEqual([0, 4, 8, 128, 256, 384, 512, 640]);
    expect([RING_BYTES_MIN, RING_BYTES_MAX]).toEqual([4096, 16_777_216]);
    expect(LAYOUT_HASH).toBe(LAYOUT_HASH_1);
  });

  it('of a record', () => {
    expect(RECORD_HEADER_BYTES).toBe(8);
    expect(RECORD_OFFSET).toEqual({ LENGTH: 0, KIND: 4, RESERVED: 6 });
    expect(RECORD_KIND).toEqual({ MESSAGE: 1, PADDING: 2 });
  });

  it('of a message', () => {
    expect([MESSAGE_HEADER_BYTES, DATA_INFO_BYTES]).toEqual([32, 16]);
    expect(Object.values(MESSAGE_OFFSET)).toEqual([0, 4, 8, 9, 10, 12, 16, 20, 24, 28, 30]);
    expect(Object.values(DATA_INFO_OFFSET)).toEqual([0, 4, 8, 12]);
    expect(Object.entries(MESSAGE_TYPE)).toEqual([
      ['REQUEST', 1],
      ['REPLY', 2],
      ['DATAGRAM', 3],
      ['CANCEL', 4],
      ['CLOSE', 5],
      ['CREDIT', 6],
      ['RANGE', 7],
      ['PING', 8],
      ['PONG', 9],
    ]);
    expect(CREDIT_DATA_BYTES).toBe(8);
    expect(MESSAGE_MODE).toEqual({ INLINE: 0, SECTION: 1 });
    expect(MESSAGE_FLAG).toEqual({ EXECUTED_YES: 1, EXECUTED_NO: 2 });
  });

  it('of the attributes of a message', () => {
    expect(Object.values(ATTRIBUTE)).toEqual([1, 2, 4, 8, 16, 32]);
    const sum = Object.values<number>(ATTRIBUTE).reduce((bits, bit) => bits + bit);
    expect(ATTRIBUTES_KNOWN).toBe(sum);
    expect([SHORT_ATTRIBUTE_BYTES, LISTED_ITEM_BYTES, ATTRIBUTE_BYTES_MAX]).toEqual([8, 24, 4096]);
    expect([HANDLES_MAX, RANGES_MAX, BEHALF_CHAIN_MAX, CALLBACK_DEPTH_MAX]).toEqual([4, 8, 8, 32]);
    expect([TRACE_BYTES_MAX, BAGGAGE_BYTES_MAX]).toEqual([256, 1024]);
    expect([RANGE_ACCESS, RANGE_OPERATION]).toEqual([
      { READ: 1, WRITE: 2 },
      { READ: 1, WRITE: 2 },
    ]);
    expect(RANGE_HEADER_BYTES).toBe(24);
    const longest =
      3 * SHORT_ATTRIBUTE_BYTES +
      (8 + RANGES_MAX * LISTED_ITEM_BYTES) +
      (8 + TRACE_BYTES_MAX + BAGGAGE_BYTES_MAX) +
      (8 + BEHALF_CHAIN_MAX * LISTED_ITEM_BYTES);
    expect(longest).toBeLessThanOrEqual(ATTRIBUTE_BYTES_MAX);
  });

  it('of rpc', () => {
    expect(Object.values(RPC_REQUEST_OFFSET)).toEqual([0, 2, 4, 8, 12]);
    expect(Object.values(RPC_REPLY_OFFSET)).toEqual([0, 4]);
    expect([BIND_ITEM_BYTES, BIND_RESULT_BYTES]).toEqual([40, 8]);
  });
});

/** FNV-1a of the region's and the record's layout: the same in versions 1 and 2. */
const LAYOUT_HASH_1 = 0x990396f9;

describe('the port attributes', () => {
  it('cross the wire in this order', () => {
    expect(NUMERIC_ATTRIBUTES).toEqual([
      'maxMessageLength',
      'inlineLimit',
      'maxConnectInfo',
      'maxPoolUsage',
      'maxQueuedMessages',
      'maxSectionSize',
      'maxTotalSectionSize',
      'maxViewSize',
      'maxConnections',
      'maxConnectionsPerUid',
      'maxPendingConnects',
      'handshakeTimeoutMs',
      'leaseMs',
    ]);
    expect(ATTRIBUTE_WORDS).toBe(16);
    expect(Object.keys(DEFAULT_PORT_ATTRIBUTES).toSorted()).toEqual(
      [...NUMERIC_ATTRIBUTES, 'dupObjectTypes', 'allowImpersonation', 'memoryBandwidth'].toSorted(),
    );
    expect(HANDLE_TYPES).toEqual(['file', 'directory', 'pipe', 'memory', 'socket']);
    expect(IMPERSONATION_LEVELS).toEqual(['anonymous', 'identify', 'impersonate']);
  });

  it('fit a handshake frame with the longest info', () => {
    const attributesBytes = 4 + 4 * ATTRIBUTE_WORDS + 12;
    expect(CONNECT_INFO_BYTES_MAX + attributesBytes).toBeLessThanOrEqual(FRAME_PAYLOAD_BYTES_MAX);
    expect(PORT_ATTRIBUTE_MAX).toBe(2 ** 31 - 1);
  });
});

describe('alignRecord()', () => {
  it.each([
    [0, 0],
    [1, 8],
    [8, 8],
    [9, 16],
    [16 * 1024 * 1024 - 1, 16 * 1024 * 1024],
  ])('of %i is %i', (lengthBytes, aligned) => {
    expect(alignRecord(lengthBytes)).toBe(aligned);
  });
});
