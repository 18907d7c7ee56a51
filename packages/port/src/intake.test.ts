/*
 * Threat: records, and what comes beside them, are the peer's. A bad one ends the link or is refused;
 * no descriptor that came with it may stay open.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ATTRIBUTE, ATTRIBUTES_KNOWN, MESSAGE_OFFSET, MESSAGE_TYPE } from '@portcall/wire';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { HandCompanions, HandLink, HandSections } from '../test/support/hand-link.js';
import { Intake, type IntakeLimits } from './intake.js';
import {
  addAttributes,
  writeInlineHeader,
  writeSectionMessage,
  type MessageHead,
} from './message-header.js';
import { OutgoingAttributes, type AttributeParts } from './outgoing-attributes.js';

const { REQUEST, REPLY, DATAGRAM, CREDIT, RANGE, PONG } = MESSAGE_TYPE;
const LIMITS: IntakeLimits = {
  wants: ATTRIBUTES_KNOWN,
  inlineBytesMax: 100,
  sectionBytesMax: 200,
  dupObjectTypes: ['file'],
};

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'pc-intake-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function intakeOver(link: HandLink, limits: Partial<IntakeLimits> = {}, sequence = 0): Intake {
  return new Intake(link, { ...LIMITS, ...limits }, sequence);
}

interface MadeRecord {
  readonly type?: number;
  readonly sequence?: number;
  readonly data?: Uint8Array;
  readonly section?: { readonly sectionId: number; readonly lengthBytes: number };
  readonly parts?: AttributeParts;
  readonly companions?: HandCompanions;
}

const OFFSET = 8;

/** A record with a message in it, as a sender writes it. */
function recordOf(record: MadeRecord): Uint8Array {
  const { type = REQUEST, sequence = 0, data = Uint8Array.of(1, 2, 3), section } = record;
  const head: MessageHead = {
    type,
    messageId: type === DATAGRAM || type === CREDIT ? 0 : 5,
    callbackId: type === RANGE ? 1 : 0,
    status: 0,
    flags: 0,
  };
  const attributes = OutgoingAttributes.of(record.parts ?? {}, ATTRIBUTES_KNOWN);
  const fixed = OFFSET + 32 + (section === undefined ? 0 : 16);
  const attributeBytes = attributes?.lengthBytes ?? 0;
  const inline = section === undefined ? data : new Uint8Array(0);
  const bytes = new Uint8Array(fixed + attributeBytes + inline.length);
  const view = new DataView(bytes.buffer);
  if (section === undefined) writeInlineHeader(view, head, OFFSET, data.length);
  else writeSectionMessage(view, head, OFFSET, section);
  if (attributes !== undefined) {
    attributes.tryWrite(view, fixed, record.companions ?? new HandCompanions());
    addAttributes(view, OFFSET, attributes);
  }
  bytes.set(inline, fixed + attributeBytes);
  view.setUint32(OFFSET + MESSAGE_OFFSET.SEQUENCE, sequence, true);
  return bytes;
}

function read(intake: Intake, bytes: Uint8Array): void {
  intake.read(bytes, new DataView(bytes.buffer), OFFSET, bytes.length - OFFSET);
}

function readInto(link: HandLink, record: MadeRecord, limits: Partial<IntakeLimits> = {}): Intake {
  const intake = intakeOver(link, limits);
  read(intake, recordOf(record));
  return intake;
}

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false;
  }
}

describe('read()', () => {
  it('gives data where it is, and counts', () => {
    const intake = intakeOver(new HandLink());
    const first = recordOf({});
    read(intake, first);
    const { bytes, offset, lengthBytes, isPrivate } = intake.data();
    expect([bytes === first, offset, lengthBytes, isPrivate]).toEqual([true, 40, 3, false]);
    expect(intake.defect()).toBeUndefined();
    expect(intake.extras()).toMatchObject({ sequence: 0, handles: [], credentials: undefined });
    read(intake, recordOf({ sequence: 1, type: REPLY, data: new Uint8Array(7) }));
    expect([intake.count, intake.dataBytes]).toEqual([2, 10]);
  });

  it('wraps the sequence at 2^32', () => {
    const intake = intakeOver(new HandLink(), {}, 2 ** 32 - 1);
    read(intake, recordOf({ sequence: 2 ** 32 - 1 }));
    read(intake, recordOf({ sequence: 0 }));
    expect(intake.extras()?.sequence).toBe(0);
    expect(codeOf(() => read(intake, recordOf({ sequence: 0 })))).toBe('PROTOCOL_ERROR');
  });

  it.each([
    ['a gap', 2],
    ['a repetition', 0],
    ['a step back', 2 ** 32 - 1],
  ])('throws PROTOCOL_ERROR for %s in the sequence', (_, sequence) => {
    const intake = intakeOver(new HandLink());
    read(intake, recordOf({ sequence: 0 }));
    expect(codeOf(() => read(intake, recordOf({ sequence })))).toBe('PROTOCOL_ERROR');
    expect(intake.count).toBe(1);
  });

  it('throws PROTOCOL_ERROR, and nothing else, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: OFFSET, maxLength: 120, size: 'max' }), (bytes) => {
        const intake = intakeOver(new HandLink());
        const code = codeOf(() => read(intake, bytes.slice()));
        expect(['nothing thrown', 'PROTOCOL_ERROR']).toContain(code);
      }),
    );
  });
});

describe('defect()', () => {
  it.each([
    [100, undefined],
    [101, 'MESSAGE_TOO_LONG'],
  ])('of %i bytes inline is %s', (length, code) => {
    const intake = readInto(new HandLink(), { data: new Uint8Array(length) });
    expect(intake.defect()?.code).toBe(code);
  });

  it.each([
    [200, undefined],
    [201, 'MESSAGE_TOO_LONG'],
  ])('of %i bytes by section is %s', (lengthBytes, code) => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const intake = readInto(link, { section: { sectionId: 1, lengthBytes } });
    expect(intake.defect()?.code).toBe(code);
  });

  it('is INVALID_MESSAGE for a request whose data does not agree', () => {
    const bytes = recordOf({});
    new DataView(bytes.buffer).setUint32(OFFSET + MESSAGE_OFFSET.DATA_LENGTH, 2, true);
    const intake = intakeOver(new HandLink());
    read(intake, bytes);
    expect(intake.defect()?.code).toBe('INVALID_MESSAGE');
  });

  it('is INVALID_MESSAGE for each attribute that was not wanted', () => {
    const record = { parts: { deadlineMs: 5, work: {} } };
    const wanted = ATTRIBUTE.DEADLINE | ATTRIBUTE.WORK_ON_BEHALF;
    const code = (wants: number): string | undefined =>
      readInto(new HandLink(), record, { wants }).defect()?.code;
    expect(code(wanted)).toBeUndefined();
    expect(code(ATTRIBUTES_KNOWN)).toBeUndefined();
    expect(code(ATTRIBUTE.DEADLINE)).toBe('INVALID_MESSAGE');
    expect(code(ATTRIBUTES_KNOWN & ~ATTRIBUTE.DEADLINE)).toBe('INVALID_MESSAGE');
    expect(code(0)).toBe('INVALID_MESSAGE');
  });

  it('is INVALID_MESSAGE for an attribute that there is not', () => {
    const bytes = recordOf({ parts: { deadlineMs: 5 } });
    const view = new DataView(bytes.buffer);
    view.setUint32(OFFSET + MESSAGE_OFFSET.ATTRIBUTE_MASK, ATTRIBUTE.DEADLINE | 64, true);
    const intake = intakeOver(new HandLink());
    read(intake, bytes);
    expect(intake.defect()?.code).toBe('INVALID_MESSAGE');
  });
});

describe('data()', () => {
  it('copies out of a section, once', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const section = link.sections!.tryPlace([Uint8Array.of(7, 8)], 2)!;
    const intake = readInto(link, { type: REPLY, section });
    const { bytes, offset, lengthBytes, isPrivate } = intake.data();
    expect([[...bytes], offset, lengthBytes, isPrivate]).toEqual([[7, 8], 0, 2, true]);
    expect(link.sections!.placed.size).toBe(0);
    expect(codeOf(() => intake.data())).toBe('PROTOCOL_ERROR');
  });

  it('is not what was there for the message before', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const intake = intakeOver(link);
    read(intake, recordOf({ section: link.sections!.tryPlace([Uint8Array.of(7)], 1)! }));
    intake.data();
    read(intake, recordOf({ sequence: 1 }));
    expect(intake.data()).toMatchObject({ offset: 40, lengthBytes: 3, isPrivate: false });
  });

  it('is behind the attributes', () => {
    const intake = readInto(new HandLink(), { parts: { deadlineMs: 5 } });
    const { bytes, offset } = intake.data();
    expect([...bytes.subarray(offset)]).toEqual([1, 2, 3]);
  });

  it.each([REPLY, RANGE, PONG])('of type %i throws PROTOCOL_ERROR when it is too long', (type) => {
    const ofLength = (length: number): string => {
      const intake = readInto(new HandLink(), { type, data: new Uint8Array(length) });
      return codeOf(() => intake.data());
    };
    expect(ofLength(100)).toBe('nothing thrown');
    expect(ofLength(101)).toBe('PROTOCOL_ERROR');
  });

  it('of type CREDIT counts for no limit', () => {
    const limits = { inlineBytesMax: 1, sectionBytesMax: 1 };
    const intake = readInto(new HandLink(), { type: CREDIT, data: new Uint8Array(8) }, limits);
    expect(intake.data().lengthBytes).toBe(8);
  });

  it('throws PROTOCOL_ERROR for a section where there are none, or one that did not come', () => {
    const section = { sectionId: 9, lengthBytes: 1 };
    for (const link of [new HandLink(), new HandLink({ sections: new HandSections(10) })]) {
      const intake = readInto(link, { type: REPLY, section });
      expect(codeOf(() => intake.data())).toBe('PROTOCOL_ERROR');
    }
  });
});

describe('discardSection()', () => {
  it('gives back the section of a message that nobody takes', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const { sectionId } = link.sections!.tryPlace([new Uint8Array(300)], 300)!;
    const intake = readInto(link, { section: { sectionId, lengthBytes: 300 } });
    intake.discardSection();
    expect(link.sections!.placed.size).toBe(0);
  });

  it('does nothing where there is none', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    readInto(link, {}).discardSection();
    const noId = { section: { sectionId: 0, lengthBytes: 3 } };
    readInto(link, noId).discardSection();
  });
});

describe('extras()', () => {
  const WORK = { trace: 'ab', priority: 3, baggage: Uint8Array.of(1) };

  it('gives the attributes of a message, inline and by section', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const section = { sectionId: 1, lengthBytes: 3 };
    for (const record of [{ parts: { work: WORK } }, { parts: { work: WORK }, section }]) {
      expect(readInto(link, record).extras()?.attributes.work).toEqual(WORK);
    }
  });

  it('is nothing when attributes end before or behind the data', () => {
    for (const change of [-1, 1]) {
      const bytes = recordOf({ parts: { work: WORK }, data: new Uint8Array(16) });
      const view = new DataView(bytes.buffer);
      view.setUint32(OFFSET + MESSAGE_OFFSET.DATA_LENGTH, 16 + 8 * change, true);
      const intake = intakeOver(new HandLink());
      read(intake, bytes);
      expect(intake.defect()).toBeUndefined();
      expect(intake.extras()).toBeUndefined();
    }
  });

  it('is nothing where handles and credentials cannot come', () => {
    for (const parts of [{ handles: [0] }, { security: true }]) {
      expect(readInto(new HandLink(), { parts }).extras()).toBeUndefined();
    }
  });

  describe('with descriptors', () => {
    function openFile(): number {
      return openSync(join(folder, 'file'), 'w');
    }

    /** Reads a message with these handles; `announced` is what it says of them. */
    function take(fds: readonly number[], announced: AttributeParts, types = LIMITS) {
      const companions = new HandCompanions();
      const link = new HandLink({ companions });
      const bytes = recordOf({ parts: announced, companions });
      for (const batchId of companions.handles.keys()) companions.handles.set(batchId, fds);
      const intake = new Intake(link, types, 0);
      read(intake, bytes);
      return { intake, companions };
    }

    it('gives them to whoever takes the message, with what the kernel said', () => {
      const fd = openFile();
      const { intake, companions } = take([fd], { handles: [0], security: true });
      const extras = intake.extras();
      expect(extras?.handles).toEqual([fd]);
      expect(extras?.credentials?.pid).toBe(process.pid);
      expect([companions.handles.size, companions.credentials.size]).toEqual([0, 0]);
      closeSync(fd);
    });

    it.each([
      ['fewer than it says', 1, 2],
      ['more than it says', 2, 1],
    ])('throws PROTOCOL_ERROR for %s, and closes them', (_, came, said) => {
      const fds = Array.from({ length: came }, openFile);
      const { intake } = take(fds, { handles: Array.from({ length: said }, () => 0) });
      expect(codeOf(() => intake.extras())).toBe('PROTOCOL_ERROR');
      expect(fds.map(isOpen)).toEqual(fds.map(() => false));
    });

    it.each([
      ['of a type that was not agreed on', () => openSync(folder, 'r')],
      ['of no type that travels', () => openSync('/dev/null', 'r')],
    ])('throws PROTOCOL_ERROR for one %s, and closes all', (_, openOther) => {
      const fds = [openFile(), openOther()];
      const { intake } = take(fds, { handles: [0, 0] });
      expect(codeOf(() => intake.extras())).toBe('PROTOCOL_ERROR');
      expect(fds.map(isOpen)).toEqual([false, false]);
    });

    it('leaves them with the link when the credentials did not come', () => {
      const fd = openFile();
      const { intake, companions } = take([fd], { handles: [0], security: true });
      companions.credentials.clear();
      expect(codeOf(() => intake.extras())).toBe('PROTOCOL_ERROR');
      // What the link still has it closes with the connection.
      expect([...companions.handles.values()]).toEqual([[fd]]);
      closeSync(fd);
    });

    it('throws PROTOCOL_ERROR for a batch that did not come', () => {
      const { intake, companions } = take([], { handles: [0] });
      companions.handles.clear();
      expect(codeOf(() => intake.extras())).toBe('PROTOCOL_ERROR');
    });

    it('leaves those of a malformed message with the link', () => {
      const fd = openFile();
      const companions = new HandCompanions();
      const bytes = recordOf({ parts: { handles: [0], deadlineMs: 1 }, companions });
      companions.handles.set(1, [fd]);
      // The deadline is the last of the attributes; its second word must be 0.
      new DataView(bytes.buffer).setUint32(OFFSET + 32 + 12, 1, true);
      const intake = intakeOver(new HandLink({ companions }));
      read(intake, bytes);
      expect(intake.extras()).toBeUndefined();
      expect(companions.handles.size).toBe(1);
      closeSync(fd);
    });
  });
});
