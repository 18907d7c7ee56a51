/*
 * Threat: headers are the peer's bytes: only PROTOCOL_ERROR may come out, and what is accepted must
 * lie inside its record. A request whose data alone is wrong is answered; anything else ends the
 * link.
 */
import {
  ATTRIBUTE,
  MESSAGE_FLAG,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MODE,
  MESSAGE_OFFSET,
  MESSAGE_TYPE,
} from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import {
  SECTION_MESSAGE_BYTES,
  addAttributes,
  emptyHeader,
  readMessageHeader,
  writeInlineHeader,
  writeSectionMessage,
  type MessageHead,
} from './message-header.js';

const { REQUEST, REPLY, DATAGRAM, CANCEL, CLOSE, CREDIT, RANGE, PING, PONG } = MESSAGE_TYPE;
const TYPES = Object.values(MESSAGE_TYPE);
const NO_ID: readonly number[] = [DATAGRAM, CLOSE, CREDIT];

const u32 = fc.nat(2 ** 32 - 1);
const positive = fc.integer({ min: 1, max: 2 ** 32 - 1 });

/** Any head that a sender may write. */
const anyHead: fc.Arbitrary<Required<MessageHead>> = fc.constantFrom(...TYPES).chain((type) =>
  fc.record({
    type: fc.constant(type),
    messageId: NO_ID.includes(type) ? fc.constant(0) : positive,
    callbackId: type === RANGE ? positive : type === REQUEST ? u32 : fc.constant(0),
    status: type === REPLY || type === CLOSE ? fc.nat(65_535) : fc.constant(0),
    flags: type === REPLY ? fc.nat(3) : fc.constant(0),
  }),
);
const offsets = fc.nat(10).map((steps) => steps * 8);

function bytesOf(length: number): DataView {
  return new DataView(new Uint8Array(length).fill(0xd7).buffer);
}

/** The plainest good head of a type. */
function headOf(type: number): MessageHead {
  const messageId = NO_ID.includes(type) ? 0 : 5;
  return { type, messageId, callbackId: type === RANGE ? 3 : 0, status: 0, flags: 0 };
}

type Change = readonly [offset: number, value: number, bytes: 1 | 2 | 4];

function set(view: DataView, [offset, value, bytes]: Change): DataView {
  if (bytes === 1) view.setUint8(offset, value);
  else if (bytes === 2) view.setUint16(offset, value, true);
  else view.setUint32(offset, value, true);
  return view;
}

/** An inline message with 8 bytes of data, changed. */
function inline(type: number, ...changes: Change[]): DataView {
  const view = bytesOf(MESSAGE_HEADER_BYTES + 8);
  writeInlineHeader(view, headOf(type), 0, 8);
  return changes.reduce(set, view);
}

/** A message with 100 bytes in a section, changed. */
function section(type: number, ...changes: Change[]): DataView {
  const view = bytesOf(SECTION_MESSAGE_BYTES);
  writeSectionMessage(view, headOf(type), 0, { sectionId: 1, lengthBytes: 100 });
  return changes.reduce(set, view);
}

function read(view: DataView) {
  const header = emptyHeader();
  readMessageHeader(header, view, 0, view.byteLength);
  return header;
}

describe('writeInlineHeader() and readMessageHeader()', () => {
  it('bring every field over', () => {
    fc.assert(
      fc.property(anyHead, offsets, fc.nat(500), u32, (head, offset, dataLength, sequence) => {
        const view = bytesOf(offset + MESSAGE_HEADER_BYTES + dataLength);
        writeInlineHeader(view, head, offset, dataLength);
        view.setUint32(offset + MESSAGE_OFFSET.SEQUENCE, sequence, true);
        const header = emptyHeader();
        readMessageHeader(header, view, offset, MESSAGE_HEADER_BYTES + dataLength);
        expect(header).toEqual({
          ...head,
          mode: MESSAGE_MODE.INLINE,
          sequence,
          attributeMask: 0,
          dataLength,
          bodyOffset: offset + MESSAGE_HEADER_BYTES,
          end: offset + MESSAGE_HEADER_BYTES + dataLength,
          sectionId: 0,
          defect: undefined,
        });
      }),
    );
  });

  it('write every byte of the header but the sequence', () => {
    const head = { type: REQUEST, messageId: 1, status: 0, flags: 0 };
    const view = bytesOf(MESSAGE_HEADER_BYTES + 1);
    writeInlineHeader(view, head, 0, 1);
    const left = [...new Uint8Array(view.buffer)].flatMap((byte, at) =>
      byte === 0xd7 ? [at] : [],
    );
    expect(left).toEqual([20, 21, 22, 23, MESSAGE_HEADER_BYTES]);
  });

  it('leave nothing of the message that was read before', () => {
    const header = emptyHeader();
    const bad = section(REQUEST, [MESSAGE_OFFSET.DATA_LENGTH, 101, 4]);
    readMessageHeader(header, bad, 0, bad.byteLength);
    expect(header.defect).toContain('101 bytes');
    const good = inline(REQUEST);
    set(good, [MESSAGE_OFFSET.SEQUENCE, 0, 4]);
    readMessageHeader(header, good, 0, good.byteLength);
    expect(header).toMatchObject({ defect: undefined, sectionId: 0, dataLength: 8 });
  });
});

describe('writeSectionMessage() and readMessageHeader()', () => {
  it('bring the section over', () => {
    const lengths = fc.nat(2 ** 31 - 1);
    fc.assert(
      fc.property(anyHead, offsets, u32, lengths, (head, offset, sectionId, lengthBytes) => {
        const view = bytesOf(offset + SECTION_MESSAGE_BYTES);
        writeSectionMessage(view, head, offset, { sectionId, lengthBytes });
        const header = emptyHeader();
        readMessageHeader(header, view, offset, SECTION_MESSAGE_BYTES);
        expect(header).toMatchObject({
          ...head,
          mode: MESSAGE_MODE.SECTION,
          dataLength: lengthBytes,
          bodyOffset: offset + SECTION_MESSAGE_BYTES,
          end: offset + SECTION_MESSAGE_BYTES,
          sectionId,
          defect: undefined,
        });
      }),
    );
  });

  it('write every byte but the sequence', () => {
    const left = [...new Uint8Array(section(REQUEST).buffer)].flatMap((byte, at) =>
      byte === 0xd7 ? [at] : [],
    );
    expect(left).toEqual([20, 21, 22, 23]);
  });
});

describe('addAttributes() and readMessageHeader()', () => {
  const ATTRIBUTES = { mask: ATTRIBUTE.SECURITY | ATTRIBUTE.DEADLINE, lengthBytes: 16 };

  it('make room between the header and inline data', () => {
    const view = bytesOf(MESSAGE_HEADER_BYTES + 16 + 8);
    writeInlineHeader(view, headOf(REQUEST), 0, 8);
    addAttributes(view, 0, ATTRIBUTES);
    expect(read(view)).toMatchObject({
      attributeMask: ATTRIBUTES.mask,
      bodyOffset: MESSAGE_HEADER_BYTES,
      end: view.byteLength,
      dataLength: 8,
      defect: undefined,
    });
  });

  it('make room behind the data-info', () => {
    const view = bytesOf(SECTION_MESSAGE_BYTES + 16);
    writeSectionMessage(view, headOf(DATAGRAM), 0, { sectionId: 7, lengthBytes: 100 });
    addAttributes(view, 0, ATTRIBUTES);
    expect(read(view)).toMatchObject({
      attributeMask: ATTRIBUTES.mask,
      bodyOffset: SECTION_MESSAGE_BYTES,
      end: view.byteLength,
      sectionId: 7,
      defect: undefined,
    });
  });
});

describe('a header that lies', () => {
  const { TYPE, MODE, FLAGS, STATUS, MESSAGE_ID, CALLBACK_ID, ATTRIBUTE_MASK } = MESSAGE_OFFSET;
  const { DATA_LENGTH, TOTAL_LENGTH, DATA_INFO_COUNT } = MESSAGE_OFFSET;

  it.each([
    ['type 0', inline(REQUEST, [TYPE, 0, 1])],
    ['type 10', inline(REQUEST, [TYPE, 10, 1])],
    ['type 255', inline(REQUEST, [TYPE, 255, 1])],
    ['an unknown flag', inline(REPLY, [FLAGS, 4, 2])],
    ['all flags', inline(REPLY, [FLAGS, 0xffff, 2])],
    ['a total beyond the record', inline(REQUEST, [TOTAL_LENGTH, 48, 4])],
    ['a total of 0', inline(REQUEST, [TOTAL_LENGTH, 0, 4])],
    ['a total within the record', inline(REQUEST, [TOTAL_LENGTH, 39, 4])],
    ['a datagram with ranges', inline(DATAGRAM, [ATTRIBUTE_MASK, ATTRIBUTE.DIRECT, 4])],
  ])('%s: throws PROTOCOL_ERROR', (_, view) => {
    expect(codeOf(() => read(view))).toBe('PROTOCOL_ERROR');
  });

  it.each(TYPES)('type %i has no id where it needs one, or one where it must not', (type) => {
    const wrong = NO_ID.includes(type) ? 1 : 0;
    expect(codeOf(() => read(inline(type, [MESSAGE_ID, wrong, 4])))).toBe('PROTOCOL_ERROR');
    expect(codeOf(() => read(inline(type)))).toBe('nothing thrown');
  });

  it.each(TYPES.filter((type) => type !== REPLY))('type %i has flags', (type) => {
    expect(codeOf(() => read(inline(type, [FLAGS, 1, 2])))).toBe('PROTOCOL_ERROR');
  });

  it.each(TYPES.filter((type) => type !== REPLY && type !== CLOSE))(
    'type %i has a status',
    (type) => {
      expect(codeOf(() => read(inline(type, [STATUS, 1, 2])))).toBe('PROTOCOL_ERROR');
    },
  );

  it.each(TYPES)('type %i has a callback id where it must not, or none', (type) => {
    const code = type === REQUEST || type === RANGE ? 'nothing thrown' : 'PROTOCOL_ERROR';
    expect(codeOf(() => read(inline(type, [CALLBACK_ID, 9, 4])))).toBe(code);
    const without = type === RANGE ? 'PROTOCOL_ERROR' : 'nothing thrown';
    expect(codeOf(() => read(inline(type, [CALLBACK_ID, 0, 4])))).toBe(without);
  });

  it.each([REPLY, CANCEL, CLOSE, CREDIT, RANGE, PING, PONG])('type %i has attributes', (type) => {
    for (const mask of [1, 32, 64, 2 ** 31]) {
      expect(codeOf(() => read(inline(type, [ATTRIBUTE_MASK, mask, 4])))).toBe('PROTOCOL_ERROR');
    }
  });

  const dataLies: readonly (readonly [string, (type: number) => DataView])[] = [
    ['an unknown mode', (type) => inline(type, [MODE, 2, 1])],
    ['more data than there is', (type) => inline(type, [DATA_LENGTH, 9, 4])],
    ['less data than there is', (type) => inline(type, [DATA_LENGTH, 7, 4])],
    ['4 GiB of data', (type) => inline(type, [DATA_LENGTH, 2 ** 32 - 1, 4])],
    ['data-infos inline', (type) => inline(type, [DATA_INFO_COUNT, 1, 2])],
    ['section mode without a section', (type) => inline(type, [MODE, MESSAGE_MODE.SECTION, 1])],
    [
      'section mode with a data-info beyond the record',
      (type) => inline(type, [MODE, MESSAGE_MODE.SECTION, 1], [DATA_INFO_COUNT, 1, 2]),
    ],
    ['a section inline', (type) => section(type, [MODE, MESSAGE_MODE.INLINE, 1])],
    ['two sections', (type) => section(type, [DATA_INFO_COUNT, 2, 2])],
    ['no section', (type) => section(type, [DATA_INFO_COUNT, 0, 2])],
    ['a section of another length', (type) => section(type, [DATA_LENGTH, 101, 4])],
    ['a section over 4 GiB', (type) => section(type, [MESSAGE_HEADER_BYTES + 12, 1, 4])],
    ['a data-info whose zeros are none', (type) => section(type, [MESSAGE_HEADER_BYTES + 4, 1, 4])],
    ['data behind a section', behindSection],
  ];

  function behindSection(type: number): DataView {
    const view = bytesOf(SECTION_MESSAGE_BYTES + 8);
    writeSectionMessage(view, headOf(type), 0, { sectionId: 1, lengthBytes: 100 });
    return set(view, [TOTAL_LENGTH, view.byteLength, 4]);
  }

  it.each(dataLies)('%s: a request has a defect', (_, view) => {
    expect(read(view(REQUEST)).defect).toBeTypeOf('string');
  });

  it.each(dataLies)('%s: anything else throws PROTOCOL_ERROR', (_, view) => {
    for (const type of TYPES) {
      if (type === REQUEST) continue;
      expect(codeOf(() => read(view(type)))).toBe('PROTOCOL_ERROR');
    }
  });

  it('more data than fits beside attributes is a defect', () => {
    const mask: Change = [ATTRIBUTE_MASK, ATTRIBUTE.DEADLINE, 4];
    expect(read(inline(REQUEST, mask, [DATA_LENGTH, 0, 4])).defect).toBeUndefined();
    expect(read(inline(REQUEST, mask, [DATA_LENGTH, 9, 4])).defect).toBeTypeOf('string');
    const datagram = inline(DATAGRAM, mask, [DATA_LENGTH, 9, 4]);
    expect(codeOf(() => read(datagram))).toBe('PROTOCOL_ERROR');
  });

  it.each([0, 8, 31])('a record of %i bytes: throws PROTOCOL_ERROR', (length) => {
    const readShort = (): void => readMessageHeader(emptyHeader(), bytesOf(100), 0, length);
    expect(codeOf(readShort)).toBe('PROTOCOL_ERROR');
  });

  it('any bytes bring out nothing but PROTOCOL_ERROR, and no data outside the record', () => {
    const almost = fc
      .tuple(fc.boolean(), fc.constantFrom(...TYPES), fc.nat(47), fc.nat(255))
      .map(([inSection, type, at, byte]) => {
        const view = inSection ? section(type) : inline(type);
        view.setUint8(at % view.byteLength, byte);
        return new Uint8Array(view.buffer);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80, size: 'max' }), almost), (bytes) => {
        const view = new DataView(bytes.slice().buffer);
        const header = emptyHeader();
        const code = codeOf(() => readMessageHeader(header, view, 0, view.byteLength));
        expect(['nothing thrown', 'PROTOCOL_ERROR']).toContain(code);
        if (code !== 'nothing thrown') return;
        expect(header.end).toBe(view.byteLength);
        expect(header.flags & ~(MESSAGE_FLAG.EXECUTED_YES | MESSAGE_FLAG.EXECUTED_NO)).toBe(0);
        if (header.defect !== undefined) {
          expect(header.type).toBe(REQUEST);
          return;
        }
        const inlineBytes = header.mode === MESSAGE_MODE.INLINE ? header.dataLength : 0;
        const used = header.bodyOffset + inlineBytes;
        if (header.attributeMask === 0) expect(used).toBe(view.byteLength);
        else expect(used).toBeLessThanOrEqual(view.byteLength);
      }),
      { numRuns: 2000 },
    );
  });
});
