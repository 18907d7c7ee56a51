import {
  ATTRIBUTE,
  MESSAGE_MODE,
  MESSAGE_TYPE,
  PortError,
  type HandleType,
  type StatusCode,
} from '@portcall/wire';
import type { Link } from '@portcall/transport';

import { closeDescriptors } from './close-descriptors.js';
import { readAttributes } from './incoming-attributes.js';
import { noExtras, type IncomingExtras } from './incoming-request.js';
import type { MessageData } from './message-data.js';
import { emptyHeader, readMessageHeader, type MessageHeader } from './message-header.js';
import { handleTypeOf } from './port-handle.js';

const NOTHING = new Uint8Array(0);

/** What an intake needs of its channel. */
export interface IntakeLimits {
  /** `ATTRIBUTE` bits that this side wants. */
  readonly wants: number;
  /**
   * Largest data that the peer may send through its ring: what was agreed on, whatever our ring.
   */
  readonly inlineBytesMax: number;
  /** Largest data that the peer may send by section. */
  readonly sectionBytesMax: number;
  /** Descriptors that may come. */
  readonly dupObjectTypes: readonly HandleType[];
}

class BorrowedData implements MessageData {
  bytes: Uint8Array = NOTHING;
  view: DataView = new DataView(NOTHING.buffer);
  offset = 0;
  lengthBytes = 0;
  isPrivate = false;
}

/**
 * The receiving half of a channel: takes records apart, checks them, and finds what belongs to
 * them.
 *
 * Everything here comes from another process. `read` first; then whichever of the others the
 * message needs, before the next `read`.
 */
export class Intake {
  /** Of the message read last. */
  readonly header: MessageHeader = emptyHeader();
  readonly #link: Link;
  readonly #limits: IntakeLimits;
  readonly #data = new BorrowedData();
  #view: DataView = new DataView(NOTHING.buffer);
  #bytes: Uint8Array = NOTHING;
  #sequence: number;
  #count = 0;
  #dataBytes = 0;

  /** @param firstSequence for tests of the wrap at 2^32 */
  constructor(link: Link, limits: IntakeLimits, firstSequence: number) {
    this.#link = link;
    this.#limits = limits;
    this.#sequence = firstSequence;
  }

  /** Messages read so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of data of these messages. */
  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Reads the header of a record's message. @throws PortError PROTOCOL_ERROR */
  read(bytes: Uint8Array, view: DataView, offset: number, lengthBytes: number): MessageHeader {
    const { header } = this;
    readMessageHeader(header, view, offset, lengthBytes);
    if (header.sequence !== this.#sequence) {
      throw violation(`sequence is ${header.sequence}, wanted ${this.#sequence}`);
    }
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#count++;
    this.#dataBytes += header.dataLength;
    this.#bytes = bytes;
    this.#view = view;
    return header;
  }

  /** What is wrong with a message whose frame is good; `undefined` when it can be taken. */
  defect(): { readonly code: StatusCode; readonly text: string } | undefined {
    const { defect, dataLength, attributeMask } = this.header;
    const { wants } = this.#limits;
    if (defect !== undefined) {
      return { code: 'INVALID_MESSAGE', text: `Cannot take message: ${defect}` };
    }
    const limit = this.#dataBytesMax;
    if (dataLength > limit) {
      const text = `Cannot take message: data is ${dataLength} bytes, limit is ${limit} bytes`;
      return { code: 'MESSAGE_TOO_LONG', text };
    }
    if ((attributeMask & ~wants) === 0) return undefined;
    return { code: 'INVALID_MESSAGE', text: 'Cannot take message: it has attributes not wanted' };
  }

  /**
   * The message's data, borrowed; out of a section it is copied.
   *
   * @throws PortError PROTOCOL_ERROR
   */
  data(): MessageData {
    const { type, mode, dataLength, sectionId, bodyOffset, end } = this.header;
    const data = this.#data;
    data.lengthBytes = dataLength;
    // The numbers of CREDIT belong to the port, and count for no limit.
    if (dataLength > this.#dataBytesMax && type !== MESSAGE_TYPE.CREDIT) {
      throw violation(`its data is ${dataLength} bytes, limit is ${this.#dataBytesMax} bytes`);
    }
    if (mode === MESSAGE_MODE.INLINE) {
      data.bytes = this.#bytes;
      data.view = this.#view;
      data.offset = end - dataLength;
      data.isPrivate = false;
      if (data.offset < bodyOffset) throw violation(`its data is ${dataLength} bytes`);
      return data;
    }
    const { sections } = this.#link;
    if (sections === undefined) throw violation('section mode was not agreed on');
    data.bytes = sections.take({ sectionId, lengthBytes: dataLength });
    data.view = new DataView(data.bytes.buffer, data.bytes.byteOffset, data.bytes.byteLength);
    data.offset = 0;
    data.isPrivate = true;
    return data;
  }

  /**
   * What came with the message: attributes, credentials, descriptors (the caller's to close).
   *
   * @returns `undefined` when the attributes are malformed
   * @throws PortError PROTOCOL_ERROR when they name what did not come
   */
  extras(): IncomingExtras | undefined {
    const { attributeMask, mode, bodyOffset, end, dataLength, sequence } = this.header;
    if (attributeMask === 0) return noExtras(sequence);
    const attributesEnd = mode === MESSAGE_MODE.INLINE ? end - dataLength : end;
    const read = readAttributes(attributeMask, this.#view, bodyOffset, attributesEnd);
    if (read?.end !== attributesEnd) return undefined;
    const { attributes } = read;
    const { companions } = this.#link;
    const needsCompanions = attributeMask & (ATTRIBUTE.SECURITY | ATTRIBUTE.HANDLE);
    if (needsCompanions !== 0 && companions === undefined) return undefined;
    const { credentialsId, batchId, handleCount } = attributes;
    // Before the handles: where there are none, what was taken already would stay open.
    const credentials =
      credentialsId === undefined ? undefined : companions?.takeCredentials(credentialsId);
    const handles = batchId === undefined ? [] : (companions?.takeHandles(batchId) ?? []);
    this.#checkHandles(handles, handleCount);
    return { sequence, attributes, credentials, handles };
  }

  /** Largest data of a message that came as the present one did. */
  get #dataBytesMax(): number {
    const { inlineBytesMax, sectionBytesMax } = this.#limits;
    return this.header.mode === MESSAGE_MODE.INLINE ? inlineBytesMax : sectionBytesMax;
  }

  /** Descriptors that are not what they may be are closed, all of them. */
  #checkHandles(handles: readonly number[], count: number): void {
    const { dupObjectTypes } = this.#limits;
    const types = handles.map((handle) => handleTypeOf(handle));
    const isGood = types.every((type) => type !== undefined && dupObjectTypes.includes(type));
    if (handles.length === count && isGood) return;
    closeDescriptors(handles);
    throw violation(`it has the handles ${types.join(', ')}, wanted ${count} of ${dupObjectTypes}`);
  }

  /** Gives back a section that nobody wants, so that its owner can use it again. */
  discardSection(): void {
    const { sectionId, mode } = this.header;
    if (mode !== MESSAGE_MODE.SECTION || sectionId === 0) return;
    this.#link.sections?.take({ sectionId, lengthBytes: 0 });
  }
}

/** An error that ends the link. */
export function violation(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot take message: ${text}`);
}
