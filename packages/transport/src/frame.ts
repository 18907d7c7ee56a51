import {
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_OFFSET,
  FRAME_PAYLOAD_BYTES_MAX,
  FRAME_TYPE,
  PortError,
  WIRE_VERSION,
  type FrameType,
} from '@portcall/wire';

/** A handshake frame; layout in `wire/frame-layout.ts`. */
export interface Frame {
  readonly type: FrameType;
  /** Oldest version the sender speaks; in an answer, the chosen one. */
  readonly versionMin: number;
  /** Newest version the sender speaks; in an answer, the chosen one. */
  readonly versionMax: number;
  /** Sum of `FEATURE` bits. */
  readonly features: number;
  readonly layoutHash: number;
  /** Bytes of the ring in the region passed with the frame, 0 for none. */
  readonly regionBytes: number;
  readonly payload: Uint8Array;
}

/** What a frame says unless told otherwise: this build's versions, and no shared memory. */
export const PLAIN_FRAME = {
  versionMin: WIRE_VERSION.MIN,
  versionMax: WIRE_VERSION.MAX,
  features: 0,
  layoutHash: 0,
  regionBytes: 0,
} as const;

/** Bytes of a frame, ready to send. @throws RangeError when the payload is too long */
export function encodeFrame(frame: Frame): Uint8Array {
  const length = frame.payload.length;
  if (length > FRAME_PAYLOAD_BYTES_MAX) {
    throw new RangeError(
      `Cannot encode handshake frame: payload is ${length} bytes, limit is ` +
        `${FRAME_PAYLOAD_BYTES_MAX} bytes`,
    );
  }
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + length);
  const view = new DataView(bytes.buffer);
  view.setUint32(FRAME_OFFSET.MAGIC, FRAME_MAGIC, true);
  view.setUint8(FRAME_OFFSET.TYPE, frame.type);
  view.setUint8(FRAME_OFFSET.VERSION_MIN, frame.versionMin);
  view.setUint8(FRAME_OFFSET.VERSION_MAX, frame.versionMax);
  view.setUint32(FRAME_OFFSET.FEATURES, frame.features, true);
  view.setUint32(FRAME_OFFSET.LAYOUT_HASH, frame.layoutHash, true);
  view.setUint32(FRAME_OFFSET.REGION_BYTES, frame.regionBytes, true);
  view.setUint32(FRAME_OFFSET.PAYLOAD_LENGTH, length, true);
  bytes.set(frame.payload, FRAME_HEADER_BYTES);
  return bytes;
}

/**
 * Puts one frame together from the pieces of a stream, and keeps what follows it.
 *
 * The bytes come from another process: the header is checked as soon as it is complete, so that no
 * more than one frame is ever held.
 */
export class FrameAssembler {
  #held: Uint8Array = new Uint8Array(0);

  /**
   * Adds a piece, which is copied.
   *
   * @returns the frame once it is complete
   * @throws PortError PROTOCOL_ERROR when it cannot be a handshake frame
   */
  push(piece: Uint8Array): Frame | undefined {
    const held = new Uint8Array(this.#held.length + piece.length);
    held.set(this.#held);
    held.set(piece, this.#held.length);
    this.#held = held;
    checkFrameStart(held);
    if (held.length < FRAME_HEADER_BYTES) return undefined;
    const payloadBytes = checkFrameHeader(held);
    const end = FRAME_HEADER_BYTES + payloadBytes;
    if (held.length < end) return undefined;
    this.#held = held.slice(end);
    return readFrame(held, end);
  }

  /** Bytes that the header, or then the payload, still lacks: who reads no more keeps no rest. */
  get missingBytes(): number {
    const held = this.#held;
    if (held.length < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES - held.length;
    return FRAME_HEADER_BYTES + checkFrameHeader(held) - held.length;
  }

  /** Bytes behind the frame: the first records, when the peer was quick. */
  takeRest(): Uint8Array {
    const rest = this.#held;
    this.#held = new Uint8Array(0);
    return rest;
  }
}

/** What cannot become a frame is not waited for. */
function checkFrameStart(bytes: Uint8Array): void {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, FRAME_MAGIC, true);
  for (let index = 0; index < Math.min(bytes.length, 4); index++) {
    if (bytes[index] !== view.getUint8(index)) {
      throw new PortError('PROTOCOL_ERROR', 'Cannot read handshake frame: it has no magic number');
    }
  }
}

/**
 * The one place that looks at a frame's header before anything else does. @returns payload bytes
 */
function checkFrameHeader(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint8(FRAME_OFFSET.TYPE);
  if (type < FRAME_TYPE.CONNECT_REQUEST || type > FRAME_TYPE.REJECT) {
    throw new PortError('PROTOCOL_ERROR', `Cannot read handshake frame: type is ${type}`);
  }
  if (view.getUint8(FRAME_OFFSET.RESERVED) !== 0) {
    throw new PortError('PROTOCOL_ERROR', 'Cannot read handshake frame: reserved byte is set');
  }
  const payloadBytes = view.getUint32(FRAME_OFFSET.PAYLOAD_LENGTH, true);
  if (payloadBytes > FRAME_PAYLOAD_BYTES_MAX) {
    throw new PortError(
      'PROTOCOL_ERROR',
      `Cannot read handshake frame: payload is ${payloadBytes} bytes, limit is ` +
        `${FRAME_PAYLOAD_BYTES_MAX} bytes`,
    );
  }
  return payloadBytes;
}

function readFrame(bytes: Uint8Array, end: number): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    type: view.getUint8(FRAME_OFFSET.TYPE) as FrameType,
    versionMin: view.getUint8(FRAME_OFFSET.VERSION_MIN),
    versionMax: view.getUint8(FRAME_OFFSET.VERSION_MAX),
    features: view.getUint32(FRAME_OFFSET.FEATURES, true),
    layoutHash: view.getUint32(FRAME_OFFSET.LAYOUT_HASH, true),
    regionBytes: view.getUint32(FRAME_OFFSET.REGION_BYTES, true),
    payload: bytes.slice(FRAME_HEADER_BYTES, end),
  };
}

/** True when the frame's sender and this build share a version. */
export function speaksOurVersion(frame: Frame): boolean {
  return frame.versionMin <= WIRE_VERSION.MAX && frame.versionMax >= WIRE_VERSION.MIN;
}
