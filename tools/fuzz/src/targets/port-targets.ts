import { isPortError } from '@portcall/wire';

import { Violation, textOf, type FuzzTarget } from '../fuzz-target.js';
import {
  loadInternal,
  type AttributesModule,
  type HeaderModule,
  type PayloadModule,
} from '../internal-modules.js';
import { seedsOf } from '../seeds.js';

/** Header, attributes and handshake payloads: what `@portcall/port` reads of a peer. */
export async function portTargets(): Promise<FuzzTarget[]> {
  const headers = await loadInternal<HeaderModule>('@portcall/port', 'message-header');
  const attributes = await loadInternal<AttributesModule>('@portcall/port', 'incoming-attributes');
  const payloads = await loadInternal<PayloadModule>('@portcall/port', 'handshake-payload');
  return [
    {
      name: 'header',
      codes: ['PROTOCOL_ERROR'],
      seeds: () => seedsOf('header'),
      decode: (input) => decodeMessage(headers, attributes, input),
    },
    {
      name: 'attributes',
      codes: [],
      seeds: () => seedsOf('attributes'),
      decode: (input) => decodeAttributes(attributes, input),
    },
    {
      name: 'connect-payload',
      codes: ['PROTOCOL_ERROR'],
      seeds: () => seedsOf('connect-payload'),
      decode: (input) => textOf(payloads.decodeConnectPayload(input)),
    },
    {
      name: 'reject-payload',
      codes: ['PROTOCOL_ERROR'],
      seeds: () => seedsOf('reject-payload'),
      decode: (input) => textOf(payloads.decodeRejectPayload(input)),
    },
  ];
}

/** A whole record's body, read in place within the buffer that holds others. */
function decodeMessage(
  { emptyHeader, readMessageHeader }: HeaderModule,
  { readAttributes }: AttributesModule,
  input: Uint8Array,
): string {
  const view = new DataView(input.buffer);
  const header = emptyHeader();
  readMessageHeader(header, view, input.byteOffset, input.length);
  const end = input.byteOffset + input.length;
  if (header.end !== end) throw new Violation(`message ends at ${header.end}, record at ${end}`);
  if (header.defect !== undefined) return `defect ${header.defect}`;
  if (header.bodyOffset > end) throw new Violation('body begins behind its record');
  const read = readAttributes(header.attributeMask, view, header.bodyOffset, end);
  if (read === undefined) return 'malformed attributes';
  if (read.end > end) throw new Violation('attributes end behind their record');
  return textOf([header, read].map((part) => ({ ...part, bodyOffset: 0, end: 0 })));
}

/** The mask first, then the attributes. */
function decodeAttributes({ readAttributes }: AttributesModule, input: Uint8Array): string {
  if (input.length < 4) return 'threw nothing: too short';
  const view = new DataView(input.buffer);
  const start = input.byteOffset;
  const end = start + input.length;
  const mask = view.getUint32(start, true);
  try {
    const read = readAttributes(mask, view, start + 4, end);
    if (read === undefined) return 'threw nothing: malformed';
    if (read.end > end) throw new Violation('attributes end behind their record');
    return textOf(read.attributes);
  } catch (error) {
    if (isPortError(error)) throw new Violation(`throws ${error.code}`);
    throw error;
  }
}
