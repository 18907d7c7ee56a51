/*
 * Threat: the peer writes any bytes to the control stream, passes descriptors that nobody
 * announced, or announces sections without one. Each must end the link, and no descriptor may stay
 * open.
 */
import { spawnSync, type StdioOptions } from 'node:child_process';

import type { MessageCredentials } from '@portcall/transport';
import { CONTROL_TOKEN, SECTION_TOKEN_BYTES, SECTION_TOKEN_OFFSET } from '@portcall/wire';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { codeOf, connectedStream, nativeBinding, type Stream } from '../test/support/native.js';
import { ControlStream, type ControlListener } from './control-stream.js';

const native = nativeBinding();
const BELL = CONTROL_TOKEN.DOORBELL;
let base: string[] = [];
let stream: Stream;
let control: ControlStream;
let batches: { readonly batchId: number; readonly fds: readonly number[] }[] = [];
let vouched: ({ readonly id: number } & MessageCredentials)[] = [];
let announced: { readonly sectionId: number; readonly fd: number }[] = [];

/** Notes what is announced. */
const LISTENER: ControlListener = {
  onSection: (sectionId, { fd = -1, sizeBytes }) => {
    expect(sizeBytes).toBe(100);
    announced.push({ sectionId, fd });
  },
  onHandles: (batchId, fds) => batches.push({ batchId, fds }),
  onCredentials: (id, credentials) => vouched.push({ id, ...credentials }),
};

function unexpected(): never {
  throw new Error('announced without what belongs to it');
}

const NOTHING_COMES: ControlListener = {
  onSection: unexpected,
  onHandles: unexpected,
  onCredentials: unexpected,
};

beforeEach(() => {
  batches = [];
  vouched = [];
  base = openDescriptors();
  stream = connectedStream(native);
  announced = [];
  control = new ControlStream(native, stream.far, LISTENER, false);
});
afterEach(async () => {
  control.close();
  control.close();
  for (const { fd } of announced) native.close(fd);
  for (const { fds } of batches) for (const fd of fds) native.close(fd);
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
    expect(control.read()).toBe('more');
    const left = native.receive(stream.far, new Uint8Array(1), new Int32Array(1));
    expect(left).toBe(1);
  });

  it('says ended for a descriptor that is no socket any more', () => {
    const closed = new ControlStream(native, 99999, LISTENER, false);
    expect(closed.read()).toBe('ended');
  });
});

describe('a peer that breaks the rules', () => {
  it.each([0, 5, 6, 127, 255])('ends the link with the unknown token %i', (token) => {
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

/** A short announcement, with as many descriptors and the credentials of this process. */
function sendShort(bytes: readonly number[], count: number, isVouched: 0 | 1 = 0): void {
  const fds = Array.from({ length: count }, () => native.memfdCreate('passed', 0));
  const token = Uint8Array.from(bytes);
  native.sendWith(stream.near, token, 0, token.length, Int32Array.from(fds), isVouched);
  for (const fd of fds) native.close(fd);
}

function handlesToken(count: number, batchId = 7): number[] {
  return [CONTROL_TOKEN.HANDLES, count, 0, 0, batchId, 0, 0, 0];
}

const CREDENTIALS = [CONTROL_TOKEN.CREDENTIALS, 0, 0, 0, 9, 0, 0, 0];

describe('handles', () => {
  it.each([1, 2, 3, 4])('come %i at a time, in order with everything else', (count) => {
    send([BELL, BELL]);
    sendShort(handlesToken(count), count);
    sendWithMemfd(sectionToken(5));
    sendShort(handlesToken(1, 8), 1);
    send([BELL]);
    expect(control.read()).toBe('open');
    expect(batches.map(({ batchId, fds }) => [batchId, fds.length])).toEqual([
      [7, count],
      [8, 1],
    ]);
    expect(announced).toHaveLength(1);
  });

  it.each([
    ['none', 1, 0],
    ['too few', 3, 2],
    ['too many', 1, 2],
    ['a count of 0', 0, 1],
    ['a count of 5', 5, 4],
    ['a count of 255', 255, 1],
  ])('end the link when there are %s', (_, count, passed) => {
    sendShort(handlesToken(count), passed);
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
    expect(batches).toEqual([]);
  });

  it('end the link when two batches come for one announcement', () => {
    sendShort(handlesToken(2).slice(0, 3), 2);
    sendShort(handlesToken(2).slice(3), 2);
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
  });

  it('end the link when reserved bytes are set', () => {
    sendShort([CONTROL_TOKEN.HANDLES, 1, 0, 1, 7, 0, 0, 0], 1);
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
  });

  it('are closed when their announcement never ends', () => {
    sendShort(handlesToken(4).slice(0, 5), 4);
    expect(control.read()).toBe('open');
    native.close(stream.near);
    expect(control.read()).toBe('ended');
  });
});

describe('credentials', () => {
  const own = { pid: process.pid, uid: process.geteuid!(), gid: process.getegid!() };

  /** Reads as a server does that wants them. */
  function wanting(): ControlStream {
    native.passCredentials(stream.far, 1);
    return new ControlStream(native, stream.far, LISTENER, true);
  }

  it('are those of the sender', () => {
    const wants = wanting();
    send([BELL]);
    sendShort(CREDENTIALS, 0, 1);
    sendShort(handlesToken(1), 1);
    send([BELL]);
    expect(wants.read()).toBe('open');
    expect(vouched).toEqual([{ id: 9, ...own }]);
    expect(batches).toHaveLength(1);
  });

  it('end the link where they were not asked for', () => {
    sendShort(CREDENTIALS, 0, 1);
    expect(codeOf(() => control.read())).toBe('PROTOCOL_ERROR');
    expect(vouched).toEqual([]);
  });

  it('end the link when they were sent before the kernel was asked to vouch', () => {
    send(CREDENTIALS);
    expect(codeOf(() => wanting().read())).toBe('PROTOCOL_ERROR');
    expect(vouched).toEqual([]);
  });

  it('end the link when another process sends the rest of an announcement', () => {
    const wants = wanting();
    send(CREDENTIALS.slice(0, 4));
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', stream.near];
    const command = "printf '\\011\\000\\000\\000' >&3";
    expect(spawnSync('bash', ['-c', command], { stdio }).status).toBe(0);
    expect(codeOf(() => wants.read())).toBe('PROTOCOL_ERROR');
    expect(vouched).toEqual([]);
  });

  it('of another process that has the socket are its own', () => {
    const wants = wanting();
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', stream.near];
    const command = "printf '\\004\\000\\000\\000\\011\\000\\000\\000' >&3";
    expect(spawnSync('bash', ['-c', command], { stdio }).status).toBe(0);
    wants.read();
    expect(vouched.map(({ id, uid }) => [id, uid])).toEqual([[9, own.uid]]);
    expect(vouched[0]!.pid).not.toBe(process.pid);
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
        const fresh = new ControlStream(native, -1, NOTHING_COMES, false);
        for (const piece of pieces) {
          const code = codeOf(() => fresh.push(piece));
          if (code === 'PROTOCOL_ERROR') return;
          expect(code).toBe('nothing thrown');
        }
      }),
    );
  });
});
