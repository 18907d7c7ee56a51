/*
 * Threat: headers are the peer's bytes: only PROTOCOL_ERROR may come out, and what is accepted must
 * lie inside its record.
 */
import {
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
  emptyHeader,
  readMessageHeader,
  writeInlineHeader,
  writeSectionMessage,
  type MessageHead,
} from './message-header.js';

const u32 = fc.nat(2 ** 32 - 1);
const anyHead: fc.Arbitrary<MessageHead> = fc.record({
  type: fc.constantFrom(...Object.values(MESSAGE_TYPE)),
  messageId: u32,
  status: fc.nat(65_535),
  flags: fc.nat(3),
});
const offsets = fc.nat(10).map((steps) => steps * 8);

function bytesOf(length: number): DataView {
  return new DataView(new Uint8Array(length).fill(0xd7).buffer);
}

describe('writeInlineHeader() and readMessageHeader()', () => {
  it('bring every field over', () => {
    fc.assert(
      fc.property(anyHead, offsets, fc.nat(500), u32, (head, offset, dataLength, sequence) => {
        const view = bytesOf(offset + MESSAGE_HEADER_BYTES + dataLength);
        writeInlineHeader(view, head, offset, dataLength);
        view.setUint32(offset + MESSAGE_OFFSET.SEQUENCE, sequence, true);
        const read = emptyHeader();
        readMessageHeader(read, view, offset, MESSAGE_HEADER_BYTES + dataLength);
        expect(read).toEqual({
          ...head,
          mode: MESSAGE_MODE.INLINE,
          sequence,
          dataLength,
          dataOffset: offset + MESSAGE_HEADER_BYTES,
          sectionId: 0,
        });
      }),
    );
  });

  it('write every byte of the header but the sequence', () => {
    const head = { type: MESSAGE_TYPE.REQUEST, messageId: 1, status: 0, flags: 0 };
    const view = bytesOf(MESSAGE_HEADER_BYTES + 1);
    writeInlineHeader(view, head, 0, 1);
    const left = [...new Uint8Array(view.buffer)].flatMap((byte, at) =>
      byte === 0xd7 ? [at] : [],
    );
    expect(left).toEqual([20, 21, 22, 23, MESSAGE_HEADER_BYTES]);
  });
});

describe('writeSectionMessage() and readMessageHeader()', () => {
  it('bring the section over', () => {
    fc.assert(
      fc.property(
        anyHead,
        offsets,
        u32,
        fc.nat(2 ** 31 - 1),
        (head, offset, sectionId, lengthBytes) => {
          const view = bytesOf(offset + SECTION_MESSAGE_BYTES);
          writeSectionMessage(view, head, offset, { sectionId, lengthBytes });
          const read = emptyHeader();
          readMessageHeader(read, view, offset, SECTION_MESSAGE_BYTES);
          expect(read).toMatchObject({
            ...head,
            mode: MESSAGE_MODE.SECTION,
            dataLength: lengthBytes,
            sectionId,
          });
        },
      ),
    );
  });
});

describe('a header that lies', () => {
  const HEAD = { type: MESSAGE_TYPE.REQUEST, messageId: 5, status: 0, flags: 0 };

  function inline(offset: number, value: number, bytes: 1 | 2 | 4): DataView {
    const view = bytesOf(MESSAGE_HEADER_BYTES + 8);
    writeInlineHeader(view, HEAD, 0, 8);
    set(view, offset, value, bytes);
    return view;
  }

  function section(offset: number, value: number, bytes: 1 | 2 | 4): DataView {
    const view = bytesOf(SECTION_MESSAGE_BYTES);
    writeSectionMessage(view, HEAD, 0, { sectionId: 1, lengthBytes: 100 });
    set(view, offset, value, bytes);
    return view;
  }

  function set(view: DataView, offset: number, value: number, bytes: 1 | 2 | 4): void {
    if (bytes === 1) view.setUint8(offset, value);
    else if (bytes === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
  }

  const { TYPE, MODE, FLAGS, DATA_LENGTH, TOTAL_LENGTH, DATA_INFO_COUNT } = MESSAGE_OFFSET;
  it.each([
    ['type 0', inline(TYPE, 0, 1)],
    ['type 6', inline(TYPE, 6, 1)],
    ['type 255', inline(TYPE, 255, 1)],
    ['an unknown mode', inline(MODE, 2, 1)],
    ['an unknown flag', inline(FLAGS, 4, 2)],
    ['all flags', inline(FLAGS, 0xffff, 2)],
    ['attributes', inline(MESSAGE_OFFSET.ATTRIBUTE_MASK, 1, 4)],
    ['more data than there is', inline(DATA_LENGTH, 9, 4)],
    ['less data than there is', inline(DATA_LENGTH, 7, 4)],
    ['4 GiB of data', inline(DATA_LENGTH, 2 ** 32 - 1, 4)],
    ['a total beyond the record', inline(TOTAL_LENGTH, 48, 4)],
    ['a total of 0', inline(TOTAL_LENGTH, 0, 4)],
    ['data-infos inline', inline(DATA_INFO_COUNT, 1, 2)],
    ['section mode without a section', inline(MODE, MESSAGE_MODE.SECTION, 1)],
    ['a section inline', section(MODE, MESSAGE_MODE.INLINE, 1)],
    ['two sections', section(DATA_INFO_COUNT, 2, 2)],
    ['no section', section(DATA_INFO_COUNT, 0, 2)],
    ['a section of another length', section(DATA_LENGTH, 101, 4)],
    ['a section over 4 GiB', section(MESSAGE_HEADER_BYTES + 12, 1, 4)],
  ])('%s: throws PROTOCOL_ERROR', (_, view) => {
    const read = (): void => readMessageHeader(emptyHeader(), view, 0, view.byteLength);
    expect(codeOf(read)).toBe('PROTOCOL_ERROR');
  });

  it.each([0, 8, 31])('a record of %i bytes: throws PROTOCOL_ERROR', (length) => {
    const read = (): void => readMessageHeader(emptyHeader(), bytesOf(100), 0, length);
    expect(codeOf(read)).toBe('PROTOCOL_ERROR');
  });

  it('any bytes bring out nothing but PROTOCOL_ERROR, and no data outside the record', () => {
    const almost = fc.tuple(fc.boolean(), fc.nat(47), fc.nat(255)).map(([inSection, at, byte]) => {
      const view = inSection ? section(0, 100, 4) : inline(0, 8, 4);
      view.setUint8(at % view.byteLength, byte);
      return new Uint8Array(view.buffer);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80, size: 'max' }), almost), (bytes) => {
        const view = new DataView(bytes.slice().buffer);
        const header = emptyHeader();
        const code = codeOf(() => readMessageHeader(header, view, 0, view.byteLength));
        expect(['nothing thrown', 'PROTOCOL_ERROR']).toContain(code);
        if (code === 'nothing thrown' && header.mode === MESSAGE_MODE.INLINE) {
          expect(header.dataOffset + header.dataLength).toBe(view.byteLength);
          expect(header.flags & ~(MESSAGE_FLAG.EXECUTED_YES | MESSAGE_FLAG.EXECUTED_NO)).toBe(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
