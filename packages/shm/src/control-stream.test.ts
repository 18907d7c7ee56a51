/*
 * Threat: the peer writes any bytes to the control stream, passes descriptors that nobody
 * announced, or announces sections without one. Each must end the link, and no descriptor may stay
 * open.
 */
import { CONTROL_TOKEN, SECTION_TOKEN_BYTES, SECTION_TOKEN_OFFSET } from '@portcall/wire';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { codeOf, connectedStream, nativeBinding, type Stream } from '../test/support/native.js';
import { ControlStream } from './control-stream.js';

const native = nativeBinding();
const BELL = CONTROL_TOKEN.DOORBELL;
let base: string[] = [];
let stream: Stream;
let control: ControlStream;
let announced: { readonly sectionId: number; readonly fd: number }[] = [];

beforeEach(() => {
  base = openDescriptors();
  stream = connectedStream(native);
  announced = [];
  control = new ControlStream(native, stream.far, (sectionId, fd) =>
    announced.push({ sectionId, fd }),
  );
});
afterEach(async () => {
  control.close();
  control.close();
  for (const { fd } of announced) native.close(fd);
  stream.close();
  await expectDescriptors(base);
});

function sectionToken(sectionId: number): Uint8Array {
  const token = new Uint8Array(SECTION_TOKEN_BYTES);
  const view = new DataView(token.buffer);
  view.setUint8(SECTION_TOKEN_OFFSET.TOKEN, CONTROL_TOKEN.SECTION);
  view.setUint32(SECTION_TOKEN_OFFSET.SECTION_ID, sectionId, true);
  view.setUint32(SECTION_TOKEN_OFFSET.SIZE_LOW, 100, true);
  return token;
}

function send(bytes: Uint8Array | readonly number[], passFd = -1): void {
  const array = Uint8Array.from(bytes);
  expect(native.send(stream.near, array, 0, array.length, passFd)).toBe(array.length);
}

/** Sends bytes with a fresh descriptor. */
function sendWithMemfd(bytes: Uint8Array | readonly number[]): void {
  const fd = native.memfdCreate('passed', 0);
  send(bytes, fd);
  native.close(fd);
}

describe('read()', () => {
  it('takes doorbells, and says that the stream is open', () => {
    expect(control.read()).toBe('open');
    send([BELL, BELL, BELL]);
    expect(control.read()).toBe('open');
    expect(announced).toEqual([]);
  });

  it('says when the stream has ended, after what came before', () => {
    sendWithMemfd(sectionToken(5));
    native.close(stream.near);
    expect(control.read()).toBe('ended');
    expect(announced.map(({ sectionId }) => sectionId)).toEqual([5]);
  });

  it('reads on to the end when the connection was reset', () => {
    native.ringDoorbell(stream.far); // Unread when the peer closes: the kernel calls it a reset.
    sendWithMemfd(sectionToken(9));
    native.close(stream.near);
    expect(control.read()).toBe('ended');
    expect(announced.map(({ sectionId }) => sectionId)).toEqual([9]);
  });

  it('hands out each section with its descriptor, doorbells between them or not', () => {
    send([BELL]);
    sendWithMemfd(sectionToken(1));
    sendWithMemfd(sectionToken(2));
    send([BELL, BELL]);
    sendWithMemfd(sectionToken(2 ** 32 - 1));
    expect(control.read()).toBe('open');
    expect(announced.map(({ sectionId }) => sectionId)).toEqual([1, 2, 2 ** 32 - 1]);
    expect(new Set(announced.map(({ fd }) => fd)).size).toBe(3);
  });

  it('puts an announcement together that comes in pieces', () => {
    const token = sectionToken(77);
    sendWithMemfd(token.subarray(0, 1));
    for (let at = 1; at < token.length; at++) {
      expect(control.read()).toBe('open');
      expect(announced).toEqual([]);
      send(token.subarray(at, at + 1));
    }
    control.read();
    expect(announced.map(({ sectionId }) => sectionId)).toEqual([77]);
  });

  it('reads no more than its share of a flood at once', () => {
    const flood = new Uint8Array(128 * 1024).fill(BELL);
    let sent = 0;
    while (sent < flood.length) {
      const count = native.send(stream.near, flood, sent, flood.length - sent, -1);
      if (count <= 0) break;
      sent += count;
    }
    expect(control.read()).toBe('open');
    const left = native.receive(stream.far, new Uint8Array(1), new Int32Array(1));
    expect(left).toBe(1);
  });

  it('says ended for a descriptor that is no socket any more', () => {
    const closed = new ControlStream(native, 99999, () => undefined);
    expect(closed.read()).toBe('ended');
  });
});

describe('a peer that breaks the rules', () => {
  it.each([0, 3, 4, 127, 255])('ends the link with the unknown token %i', (token) => {
    send([BELL, token]);
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
  });

  it('ends the link with a descriptor on a doorbell', () => {
    sendWithMemfd([BELL]);
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
  });

  it('ends the link with a section that has no descriptor', () => {
    send(sectionToken(1));
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
    expect(announced).toEqual([]);
  });

  it('ends the link with a second descriptor inside one announcement', () => {
    const token = sectionToken(1);
    sendWithMemfd(token.subarray(0, 8));
    sendWithMemfd(token.subarray(8));
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
  });

  it('ends the link with an announcement behind an unannounced descriptor', () => {
    sendWithMemfd([BELL]);
    sendWithMemfd(sectionToken(1));
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
  });

  it('keeps no descriptor of an announcement that never ends', () => {
    sendWithMemfd(sectionToken(1).subarray(0, 5));
    control.read();
    native.close(stream.near);
    expect(control.read()).toBe('ended');
  });
});

describe('push()', () => {
  it('takes the bytes that came behind the handshake', () => {
    control.push(Uint8Array.of(BELL, BELL));
    control.push(new Uint8Array(0));
    expect(codeOf(() => control.push(Uint8Array.of(9)))).toBe('PROTOCOL_ERROR');
  });

  it('brings out nothing but PROTOCOL_ERROR for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        const fresh = new ControlStream(native, -1, () => {
          throw new Error('announced without a descriptor');
        });
        for (const piece of pieces) {
          const code = codeOf(() => fresh.push(piece));
          if (code === 'PROTOCOL_ERROR') return;
          expect(code).toBe('nothing thrown');
        }
      }),
    );
  });
});
