/*
 * Threat: anybody who may open the socket sends garbage, half of a frame, nothing at all,
 * descriptors of any kind, or a thousand connections. The listener must go on, and nothing may stay
 * open.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { errnoName } from '@portcall/native';
import {
  PLAIN_FRAME,
  encodeFrame,
  type IncomingLink,
  type ListenOptions,
  type Listener,
} from '@portcall/transport';
import { FEATURE, FRAME_HEADER_BYTES, FRAME_OFFSET, FRAME_TYPE, LAYOUT_HASH } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { LINK_OPTIONS, Recorder } from '../test/support/link-parts.js';
import { codeOf, codeOfRejection, nativeBinding } from '../test/support/native.js';
import { runShmProgram } from '../test/support/shm-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import { connectShm } from './connect-shm.js';
import { listenShm } from './listen-shm.js';
import { createRegion } from './region.js';

const native = nativeBinding();
const OPTIONS = LINK_OPTIONS;
const BUSY = Uint8Array.of(66);

let folder = '';
let path = '';
let base: string[] = [];
let listener: Listener | undefined;
let incoming: IncomingLink[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-listen-'));
  path = join(folder, 's');
  base = openDescriptors();
  incoming = [];
});
afterEach(async ({ task }) => {
  await listener?.close();
  await listener?.close();
  if (task.result?.state !== 'fail') await expectDescriptors(base);
  rmSync(folder, { recursive: true });
});

function listen(options: Partial<ListenOptions> = {}): void {
  listener = listenShm(native, path, {
    ...OPTIONS,
    mode: 0o600,
    pendingConnectsMax: 16,
    busyPayload: BUSY,
    onIncoming: (link) => incoming.push(link),
    ...options,
  });
}

const REQUEST = { ...PLAIN_FRAME, type: FRAME_TYPE.CONNECT_REQUEST, payload: Uint8Array.of(1, 2) };
const SHARED = { features: FEATURE.SHARED_MEMORY, layoutHash: LAYOUT_HASH, regionBytes: 4096 };

/** A frame with one field changed. */
function bent(offset: number, value: number, bytes: 1 | 4): Uint8Array {
  const frame = encodeFrame(REQUEST);
  const view = new DataView(frame.buffer);
  if (bytes === 1) view.setUint8(offset, value);
  else view.setUint32(offset, value, true);
  return frame;
}

/** A client that can do what no proper one does. */
class RawClient {
  readonly fd = native.connect(path, 0);
  received = new Uint8Array(0);

  send(bytes: Uint8Array, passFd = -1): void {
    const sent = native.send(this.fd, bytes, 0, bytes.length, passFd);
    if (sent !== bytes.length) throw new Error(`sent ${sent} of ${bytes.length} bytes`);
  }

  /** Waits for the end of the stream; what came before is in `received`. */
  async ended(): Promise<void> {
    await waitUntil('the end of the stream', () => {
      const bytes = new Uint8Array(1000);
      const descriptors = new Int32Array(3);
      const count = native.receive(this.fd, bytes, descriptors);
      if (count > 0) this.received = Buffer.concat([this.received, bytes.subarray(0, count)]);
      for (const fd of descriptors.subarray(1, 1 + descriptors[0]!)) native.close(fd);
      return count === 0 || count === -104;
    });
  }

  close(): void {
    native.close(this.fd);
  }
}

/** A proper client still gets through. */
async function expectListening(): Promise<void> {
  const outgoing = await connectShm(native, path, OPTIONS);
  const deciding = outgoing.request(Uint8Array.of(7));
  const ours = (): IncomingLink | undefined => incoming.find(({ payload }) => payload[0] === 7);
  await waitUntil('the request', () => ours() !== undefined);
  const server = ours()!.accept(Uint8Array.of(8));
  const { link, payload } = await deciding;
  expect([...payload]).toEqual([8]);
  const sees = new Recorder();
  server.start(sees, { recordBytesMax: 2040 });
  link!.start(new Recorder(), { recordBytesMax: 2040 });
  const claim = link!.tryClaim(1)!;
  claim.bytes[claim.offset] = 9;
  link!.commit(1);
  await waitUntil('the record', () => sees.records.length === 1);
  link!.close();
  await waitUntil('the end', () => sees.ends.length === 1);
}

describe('a client that sends what is no request', () => {
  it.each([
    ['garbage', new Uint8Array(100).fill(0x5a)],
    ['another magic number', bent(FRAME_OFFSET.MAGIC, 1, 4)],
    ['an unknown type', bent(FRAME_OFFSET.TYPE, 9, 1)],
    ['a reserved byte', bent(FRAME_OFFSET.RESERVED, 1, 1)],
    ['a payload over the limit', bent(FRAME_OFFSET.PAYLOAD_LENGTH, 65_537, 4)],
    ['a payload of 4 GiB', bent(FRAME_OFFSET.PAYLOAD_LENGTH, 2 ** 32 - 1, 4)],
    ['an answer instead of a request', encodeFrame({ ...REQUEST, type: FRAME_TYPE.ACCEPT })],
    ['an unknown feature', bent(FRAME_OFFSET.FEATURES, 8, 4)],
    ['a region without a descriptor', encodeFrame({ ...REQUEST, ...SHARED })],
    ['bytes behind the request', Buffer.concat([encodeFrame(REQUEST), Uint8Array.of(1)])],
  ])('%s: is cut off', async (_, bytes) => {
    listen();
    const client = new RawClient();
    client.send(bytes);
    await client.ended();
    client.close();
    expect(client.received).toHaveLength(0);
    for (const link of incoming) {
      expect(codeOf(() => link.accept(new Uint8Array(0)))).toBe('DISCONNECTED');
    }
    await expectListening();
  });

  it.each([
    ['only later versions', encodeFrame({ ...REQUEST, versionMin: 9, versionMax: 12 })],
    ['only earlier versions', encodeFrame({ ...REQUEST, versionMin: 0, versionMax: 0 })],
  ])('%s: is refused with our versions, and its descriptor closed', async (_, bytes) => {
    listen();
    const client = new RawClient();
    const fd = native.memfdCreate('passed', 0);
    client.send(bytes, fd);
    native.close(fd);
    await client.ended();
    client.close();
    expect(client.received).toEqual(
      Buffer.from(encodeFrame({ ...REQUEST, type: FRAME_TYPE.REJECT, payload: new Uint8Array(0) })),
    );
    expect(incoming).toEqual([]);
    await expectListening();
  });

  it('two descriptors: is cut off, and both are closed', async () => {
    listen();
    const client = new RawClient();
    const fd = native.memfdCreate('passed', 0);
    const frame = encodeFrame(REQUEST);
    client.send(frame.subarray(0, 10), fd);
    client.send(frame.subarray(10), fd);
    native.close(fd);
    await client.ended();
    client.close();
    await expectListening();
  });

  it('half a frame, then nothing: is cut off when its time is over', async () => {
    listen({ handshakeTimeoutMs: 60 });
    const client = new RawClient();
    const fd = native.memfdCreate('passed', 0);
    client.send(encodeFrame(REQUEST).subarray(0, 25), fd);
    native.close(fd);
    const startedAt = performance.now();
    await client.ended();
    expect(performance.now() - startedAt).toBeGreaterThan(50);
    client.close();
  });

  it('nothing at all: is cut off when its time is over', async () => {
    listen({ handshakeTimeoutMs: 60 });
    const client = new RawClient();
    await client.ended();
    client.close();
    await expectListening();
  });

  it('half a frame, then the end: is forgotten', async () => {
    listen();
    for (let cut = 0; cut < FRAME_HEADER_BYTES + 2; cut += 5) {
      const client = new RawClient();
      if (cut > 0) client.send(encodeFrame(REQUEST).subarray(0, cut));
      client.close();
    }
    await expectListening();
    expect(incoming).toHaveLength(1);
  });
});

describe('a client that sends a request byte by byte', () => {
  it('gets through', async () => {
    listen();
    const client = new RawClient();
    for (const byte of encodeFrame(REQUEST)) {
      client.send(Uint8Array.of(byte));
      await nextTurn();
    }
    await waitUntil('the request', () => incoming.length === 1);
    expect([...incoming[0]!.payload]).toEqual([1, 2]);
    incoming[0]!.reject(Uint8Array.of(5));
    await client.ended();
    expect(client.received[FRAME_OFFSET.TYPE]).toBe(FRAME_TYPE.REJECT);
    client.close();
  });
});

describe('a client with a descriptor that is no region', () => {
  it.each([
    ['a memfd without seals', () => native.memfdCreate('x', 8192)],
    [
      'a region of another size',
      () => {
        const region = createRegion(native, 8192);
        native.revoke(region.mapping);
        return region.fd;
      },
    ],
  ])('%s: accept() throws PROTOCOL_ERROR, and everything is closed', async (_, make) => {
    listen();
    const client = new RawClient();
    const fd = make();
    client.send(encodeFrame({ ...REQUEST, ...SHARED }), fd);
    native.close(fd);
    await waitUntil('the request', () => incoming.length === 1);
    expect(codeOf(() => incoming[0]!.accept(new Uint8Array(0)))).toBe('PROTOCOL_ERROR');
    await client.ended();
    client.close();
    await expectListening();
  });

  it.each([
    ['no feature bit', { features: 0 }],
    ['a description without the feature', { ...SHARED, features: 0 }],
    ['a ring of no power of two', { ...SHARED, regionBytes: 5000 }],
  ])('%s: is cut off, and its descriptor closed', async (_, fields) => {
    listen();
    const client = new RawClient();
    const fd = native.memfdCreate('x', 8192);
    client.send(encodeFrame({ ...REQUEST, ...fields }), fd);
    native.close(fd);
    await client.ended();
    client.close();
    expect([client.received.length, incoming.length]).toEqual([0, 0]);
  });

  it.each([
    ['another layout', { ...SHARED, layoutHash: LAYOUT_HASH ^ 1 }],
    ['a ring of another layout', { ...SHARED, layoutHash: 1, regionBytes: 5000 }],
  ])('%s: gets a plain stream, and its descriptor is closed', async (_, fields) => {
    listen();
    const client = new RawClient();
    const fd = native.memfdCreate('x', 8192);
    client.send(encodeFrame({ ...REQUEST, ...fields }), fd);
    native.close(fd);
    await waitUntil('the request', () => incoming.length === 1);
    const link = incoming[0]!.accept(new Uint8Array(0));
    expect(link.transportName).toBe('socket');
    link.start(new Recorder(), { recordBytesMax: 1000 });
    link.close();
    client.close();
    await sleep(5);
  });
});

describe('a client that goes away before the decision', () => {
  it('is told to the server once; accept() then throws DISCONNECTED', async () => {
    listen();
    const client = new RawClient();
    const fd = native.memfdCreate('passed', 0);
    client.send(encodeFrame({ ...REQUEST, ...SHARED }), fd);
    native.close(fd);
    await waitUntil('the request', () => incoming.length === 1);
    let gone = 0;
    incoming[0]!.onGone = () => gone++;
    client.close();
    await waitUntil('the word', () => gone > 0);
    await nextTurn();
    expect(gone).toBe(1);
    expect(codeOf(() => incoming[0]!.accept(new Uint8Array(0)))).toBe('DISCONNECTED');
    incoming[0]!.reject(new Uint8Array(0));
  });
});

describe('a client that has to wait for the decision', () => {
  it('is cut off when it speaks; the server is told once', async () => {
    listen();
    const client = new RawClient();
    client.send(encodeFrame(REQUEST));
    await waitUntil('the request', () => incoming.length === 1);
    let gone = 0;
    incoming[0]!.onGone = () => gone++;
    client.send(Uint8Array.of(1));
    await client.ended();
    client.close();
    expect([gone, client.received.length]).toEqual([1, 0]);
    expect(codeOf(() => incoming[0]!.accept(new Uint8Array(0)))).toBe('DISCONNECTED');
  });

  it('is seen to have spoken by an accept() before the event loop does', async () => {
    const seen: string[] = [];
    listen({
      onIncoming: (link) => {
        client.send(Uint8Array.of(1));
        seen.push(codeOf(() => link.accept(new Uint8Array(0))));
      },
    });
    const client = new RawClient();
    client.send(encodeFrame(REQUEST));
    await client.ended();
    client.close();
    expect([seen, client.received.length]).toEqual([['DISCONNECTED'], 0]);
  });

  it('is cut off when the time is over, that for its request included', async () => {
    listen({ handshakeTimeoutMs: 1500 });
    const client = new RawClient();
    const startedAt = performance.now();
    await sleep(1000);
    const region = createRegion(native, 4096);
    client.send(encodeFrame({ ...REQUEST, ...SHARED }), region.fd);
    native.close(region.fd);
    native.revoke(region.mapping);
    await waitUntil('the request', () => incoming.length === 1);
    let goneAt = 0;
    incoming[0]!.onGone = () => (goneAt = performance.now());
    await client.ended();
    client.close();
    // Counted from the request it would be 2 500 ms.
    expect(goneAt - startedAt).toBeGreaterThan(1490);
    expect(goneAt - startedAt).toBeLessThan(2400);
    expect(codeOf(() => incoming[0]!.accept(new Uint8Array(0)))).toBe('DISCONNECTED');
    incoming[0]!.reject(new Uint8Array(0));
    expect(client.received).toHaveLength(0);
  });
});

describe('accept()', () => {
  it('carries features and the longest payload both ways', async () => {
    listen();
    const long = new Uint8Array(65_536).fill(7);
    const outgoing = await connectShm(native, path, OPTIONS);
    const deciding = outgoing.request(long, FEATURE.QUICK | FEATURE.HANDOVER);
    await waitUntil('the request', () => incoming.length === 1);
    expect([incoming[0]!.features, incoming[0]!.payload.length]).toEqual([7, 65_536]);
    const server = incoming[0]!.accept(long, FEATURE.QUICK);
    const { link, features, payload, acceptor } = await deciding;
    expect([features, payload.length, link!.transportName]).toEqual([5, 65_536, 'shm']);
    expect(acceptor).toMatchObject({ pid: process.pid, source: 'message' });
    expect(link!.peer).toEqual(acceptor);
    for (const one of [link, server]) one!.close();
    await sleep(5);
  });

  it('throws QUOTA_EXCEEDED when it can make no region, and reject() still works', async () => {
    // As many descriptors as a process may have: a child of its own says how it went.
    const output = await runShmProgram(
      'accept-without-descriptors',
      `
      const fillers = [];
      const options = { ...OPTIONS, onIncoming(incoming) {
        for (let fd; (fd = native.memfdCreate('filler', 0)) >= 0;) fillers.push(fd);
        try { incoming.accept(Uint8Array.of(1)); } catch (error) { console.log(error.code); }
        incoming.reject(Uint8Array.of(66));
        try { incoming.accept(Uint8Array.of(1)); } catch (error) { console.log(error.code); }
        for (const fd of fillers) native.close(fd);
      } };
      const listener = listenShm(native, process.argv[1], options);
      const outgoing = await connectShm(native, process.argv[1], OPTIONS);
      const { payload, link } = await outgoing.request(Uint8Array.of(1));
      console.log([...payload].join(), link);
      await listener.close();
    `,
      path,
    );
    expect(output).toBe('QUOTA_EXCEEDED\nDISCONNECTED\n66 undefined\n');
  });

  it('keeps no descriptor of the client when this side can make no region', async () => {
    listen({ ringBytes: 100 });
    const client = new RawClient();
    const region = createRegion(native, 4096);
    client.send(encodeFrame({ ...REQUEST, ...SHARED }), region.fd);
    native.close(region.fd);
    native.revoke(region.mapping);
    await waitUntil('the request', () => incoming.length === 1);
    expect(() => incoming[0]!.accept(new Uint8Array(0))).toThrow(RangeError);
    client.close();
    await listener!.close();
    await expectDescriptors(base);
  });

  it('keeps no descriptor of a client that has gone', async () => {
    listen();
    const client = new RawClient();
    const fd = native.memfdCreate('passed', 0);
    client.send(encodeFrame({ ...REQUEST, ...SHARED }), fd);
    native.close(fd);
    await waitUntil('the request', () => incoming.length === 1);
    native.close(client.fd); // The listener has not noticed yet.
    expect(codeOf(() => incoming[0]!.accept(new Uint8Array(0)))).toBe('DISCONNECTED');
    await listener!.close();
    await expectDescriptors(base);
  });
});

describe('an abstract address', () => {
  it('is listened at and reached; there is no file', async () => {
    path = `\0portcall/test-${process.pid}/shm`;
    listen();
    await expectListening();
    await listener!.close();
    expect(await codeOfRejection(connectShm(native, path, OPTIONS))).toBe('PORT_NOT_FOUND');
  });
});

describe('clients in the handshake', () => {
  it('are bounded: the next one is told that the server is busy', async () => {
    listen({ pendingConnectsMax: 2 });
    const waiting = [new RawClient(), new RawClient()];
    await sleep(5);
    const client = new RawClient();
    await client.ended();
    expect([...client.received.subarray(FRAME_HEADER_BYTES)]).toEqual([...BUSY]);
    for (const one of [...waiting, client]) one.close();
    await sleep(5);
    await expectListening();
  });

  it('are told that it is busy when the listener closes, those in its queue too', async () => {
    listen();
    let gone = 0;
    const [asked, halfway] = [new RawClient(), new RawClient()];
    asked.send(encodeFrame(REQUEST));
    halfway.send(encodeFrame(REQUEST).subarray(0, 3));
    await waitUntil('the request', () => incoming.length === 1);
    incoming[0]!.onGone = () => gone++;
    const queued = Array.from({ length: 40 }, () => new RawClient());
    queued[0]!.send(encodeFrame(REQUEST));
    await listener!.close();
    expect([gone, errnoName(native.connect(path, 0))]).toEqual([1, 'ECONNREFUSED']);
    for (const client of [asked, halfway, ...queued]) {
      await client.ended();
      client.close();
      expect(client.received[FRAME_OFFSET.TYPE]).toBe(FRAME_TYPE.REJECT);
      expect([...client.received.subarray(FRAME_HEADER_BYTES)]).toEqual([...BUSY]);
    }
    expect(codeOf(() => incoming[0]!.accept(new Uint8Array(0)))).toBe('DISCONNECTED');
  });

  it('read a refusal that came before they had asked', async () => {
    listen({ pendingConnectsMax: 0 });
    const outgoing = await connectShm(native, path, OPTIONS);
    await sleep(20); // The server has refused, and closed.
    const { payload, link } = await outgoing.request(Uint8Array.of(1));
    expect([[...payload], link]).toEqual([[...BUSY], undefined]);
  });

  it('come in hundreds, and leave nothing behind', async () => {
    listen({ pendingConnectsMax: 1000 });
    for (let index = 0; index < 300; index++) {
      const client = new RawClient();
      if (index % 3 === 0) client.send(Uint8Array.of(1, 2, 3));
      if (index % 3 === 1) client.send(encodeFrame(REQUEST));
      client.close();
      if (index % 50 === 0) await nextTurn();
    }
    for (const link of incoming) link.reject(new Uint8Array(0));
    await expectListening();
    for (const link of incoming) link.reject(new Uint8Array(0));
  });
});
