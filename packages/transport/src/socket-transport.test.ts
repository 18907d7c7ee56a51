/*
 * Threat: anybody who may open the socket speaks out of turn, says nothing, or comes with a
 * thousand connections; a server answers what nobody asked for. The other side must go on, in time.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect as netConnect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { FEATURE, FRAME_HEADER_BYTES, FRAME_OFFSET, FRAME_TYPE, isPortError } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Recorder, codeOf } from '../test/support/recorder.js';
import { startTransportProgram } from '../test/support/transport-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import type { IncomingLink, Link, LinkDecision, ListenOptions, Listener } from './contract.js';
import { PLAIN_FRAME, encodeFrame } from './frame.js';
import { createSocketTransport } from './socket-transport.js';

const transport = createSocketTransport();
const NOTHING = new Uint8Array(0);
const BUSY = 66;
const OPTIONS: ListenOptions = {
  ringBytes: 4096,
  handshakeTimeoutMs: 2000,
  spin: false,
  maxSectionSize: 1024,
  maxTotalSectionSize: 1024,
  mode: 0o600,
  pendingConnectsMax: 16,
  busyPayload: Uint8Array.of(BUSY),
  onIncoming: (link) => incoming.push(link),
};
const REQUEST = { ...PLAIN_FRAME, type: FRAME_TYPE.CONNECT_REQUEST, payload: Uint8Array.of(1, 2) };
const ANSWER = { ...PLAIN_FRAME, payload: NOTHING };

let folder = '';
let path = '';
let listener: Listener | undefined;
let incoming: IncomingLink[] = [];
let sockets = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-transport-'));
  path = join(folder, 's');
  incoming = [];
  sockets = countSockets();
});
afterEach(async ({ task }) => {
  await listener?.close();
  listener = undefined;
  rmSync(folder, { recursive: true });
  if (task.result?.state === 'fail') return;
  await waitUntil('closed sockets', () => countSockets() === sockets);
});

function countSockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // The descriptor of the listing itself.
    }
  }).length;
}

async function listen(options: Partial<ListenOptions> = {}, address = path): Promise<void> {
  listener = await transport.listen(address, { ...OPTIONS, ...options });
}

/** A client that can do what no proper one does. */
class RawClient {
  readonly socket: Socket = netConnect(path);
  received = Buffer.alloc(0);
  ended = false;

  constructor() {
    this.socket.on('data', (piece) => (this.received = Buffer.concat([this.received, piece])));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.ended = true));
  }

  async untilEnd(): Promise<void> {
    await waitUntil('the end of the stream', () => this.ended);
  }

  /** Payload of a refusal, or nothing. */
  get refusal(): number[] | undefined {
    if (this.received[FRAME_OFFSET.TYPE] !== FRAME_TYPE.REJECT) return undefined;
    return [...this.received.subarray(FRAME_HEADER_BYTES)];
  }
}

describe('a client that does not ask as it must', () => {
  it.each([
    ['garbage', new Uint8Array(50).fill(9)],
    ['an answer', encodeFrame({ ...REQUEST, type: FRAME_TYPE.REJECT })],
    ['an unknown feature', encodeFrame({ ...REQUEST, features: 128 })],
    ['a byte behind the request', Buffer.concat([encodeFrame(REQUEST), Uint8Array.of(1)])],
    ['two requests', Buffer.concat([encodeFrame(REQUEST), encodeFrame(REQUEST)])],
  ])('%s: is cut off without a word', async (_, bytes) => {
    await listen();
    const client = new RawClient();
    client.socket.write(bytes);
    await client.untilEnd();
    expect([client.received.length, incoming.length]).toEqual([0, 0]);
  });

  it('another version: is refused with our versions and no payload', async () => {
    await listen();
    const client = new RawClient();
    client.socket.write(encodeFrame({ ...REQUEST, versionMin: 7, versionMax: 9 }));
    await client.untilEnd();
    expect([...client.received]).toEqual([...encodeFrame({ ...ANSWER, type: FRAME_TYPE.REJECT })]);
    expect(incoming).toEqual([]);
  });

  it('nothing: is cut off when its time is over', async () => {
    await listen({ handshakeTimeoutMs: 50 });
    const client = new RawClient();
    await client.untilEnd();
    expect(client.received).toHaveLength(0);
  });
});

describe('a client that has to wait for the decision', () => {
  async function asked(options: Partial<ListenOptions> = {}) {
    await listen(options);
    const client = new RawClient();
    client.socket.write(encodeFrame(REQUEST));
    await waitUntil('the request', () => incoming.length === 1);
    const seen = { gone: 0 };
    incoming[0]!.onGone = () => seen.gone++;
    return { client, seen };
  }

  it('is cut off when it speaks; the server is told once', async () => {
    const { client, seen } = await asked();
    client.socket.write(Uint8Array.of(1));
    await client.untilEnd();
    expect([client.received.length, seen.gone]).toEqual([0, 1]);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
    incoming[0]!.reject(NOTHING);
  });

  it('is cut off when the time is over, that for its request included', async () => {
    const { client, seen } = await asked({ handshakeTimeoutMs: 80 });
    await client.untilEnd();
    expect([client.received.length, seen.gone]).toEqual([0, 1]);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
  });

  it('is told to the server when it goes', async () => {
    const { client, seen } = await asked();
    client.socket.destroy();
    await waitUntil('the word', () => seen.gone === 1);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
  });

  it('is told that the server is busy when the listener ends', async () => {
    const { client, seen } = await asked();
    const halfway = new RawClient();
    halfway.socket.write(encodeFrame(REQUEST).subarray(0, 5));
    await sleep(20);
    await listener!.close();
    for (const one of [client, halfway]) {
      await one.untilEnd();
      expect(one.refusal).toEqual([BUSY]);
    }
    expect(seen.gone).toBe(1);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
  });
});

async function outcomeOf(asking: Promise<LinkDecision>): Promise<string> {
  try {
    const { link, payload } = await asking;
    if (link === undefined) return payload[0] === BUSY ? 'busy' : 'refused';
    link.close();
    return 'link';
  } catch (error) {
    return isPortError(error) ? error.code : String(error);
  }
}

describe('connect() and listen()', () => {
  it('carry features both ways, and then records', async () => {
    await listen();
    const outgoing = await transport.connect(path, OPTIONS);
    const deciding = outgoing.request(Uint8Array.of(5), FEATURE.QUICK | FEATURE.HANDOVER);
    await waitUntil('the request', () => incoming.length === 1);
    expect([incoming[0]!.features, [...incoming[0]!.payload]]).toEqual([6, [5]]);
    const server = incoming[0]!.accept(Uint8Array.of(6), FEATURE.HANDOVER);
    const { link, features, payload, acceptor } = await deciding;
    expect([features, [...payload], acceptor]).toEqual([2, [6], undefined]);
    const sees = new Recorder();
    server.start(sees, { recordBytesMax: 100 });
    link!.start(new Recorder(), { recordBytesMax: 100 });
    const claim = link!.tryClaim(1)!;
    claim.bytes[claim.offset] = 9;
    link!.commit(1);
    await waitUntil('the record', () => sees.records.length === 1);
    expect([link!.companions, link!.isPeerAlive()]).toEqual([undefined, undefined]);
    expect(() => link!.wait(1)).toThrow(TypeError);
    link!.close();
    await waitUntil('the end', () => sees.ends.length === 1);
    expect([link!.hasEnded, server.hasEnded]).toEqual([true, true]);
  });

  it('reach each other at an abstract address, which is no file', async () => {
    const address = `\0portcall/test-${process.pid}/socket`;
    await listen({ onIncoming: (link) => link.reject(Uint8Array.of(1)) }, address);
    const outgoing = await transport.connect(address, OPTIONS);
    expect(await outcomeOf(outgoing.request(NOTHING))).toBe('refused');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('bound who is in the handshake: the next is told that the server is busy', async () => {
    await listen({ pendingConnectsMax: 1 });
    const first = new RawClient();
    await waitUntil('the connection', () => first.socket.readyState === 'open');
    await sleep(20);
    const outgoing = await transport.connect(path, OPTIONS);
    expect(await outcomeOf(outgoing.request(NOTHING))).toBe('busy');
    // One that never reads, and never goes, is not kept either.
    const deaf = netConnect(path).pause();
    deaf.on('error', () => undefined);
    await sleep(20);
    first.socket.destroy();
    deaf.destroy();
  });
});

describe('a server that does not answer as it must', () => {
  let server: Server;
  afterEach(() => void server.close());

  async function answering(bytes: Uint8Array, isEarly = false): Promise<string> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (isEarly) socket.end(bytes);
      else socket.once('data', () => socket.end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const outgoing = await transport.connect(path, OPTIONS);
    if (isEarly) await sleep(20);
    return outcomeOf(outgoing.request(NOTHING, FEATURE.QUICK));
  }

  const ACCEPT = { ...ANSWER, type: FRAME_TYPE.ACCEPT };
  const REJECT = { ...ANSWER, type: FRAME_TYPE.REJECT };

  it.each([
    ['garbage', new Uint8Array(50).fill(7), 'PROTOCOL_ERROR'],
    ['a request', encodeFrame(REQUEST), 'PROTOCOL_ERROR'],
    ['a feature that nobody asked for', encodeFrame({ ...ACCEPT, features: 2 }), 'PROTOCOL_ERROR'],
    [
      'bytes behind a refusal',
      Buffer.concat([encodeFrame(REJECT), NOTHING, Uint8Array.of(1)]),
      'PROTOCOL_ERROR',
    ],
    [
      'another version',
      encodeFrame({ ...REJECT, versionMin: 8, versionMax: 9 }),
      'CONNECTION_REFUSED',
    ],
    ['half an answer', encodeFrame(ACCEPT).subarray(0, 10), 'DISCONNECTED'],
  ])('%s: the request is rejected', async (_, bytes, code) => {
    expect(await answering(bytes)).toBe(code);
  });

  it('ACCEPT before it was asked: the request is rejected', async () => {
    expect(await answering(encodeFrame(ACCEPT), true)).toBe('PROTOCOL_ERROR');
  });

  it('a refusal before it was asked: is a refusal', async () => {
    const refusal = encodeFrame({ ...REJECT, payload: Uint8Array.of(BUSY) });
    expect(await answering(refusal, true)).toBe('busy');
  });

  it('states both ranges of versions in the error', async () => {
    server = createServer((socket) => {
      socket.resume().end(encodeFrame({ ...REJECT, versionMin: 8, versionMax: 9 }));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const outgoing = await transport.connect(path, OPTIONS);
    await expect(outgoing.request(NOTHING)).rejects.toThrow(/8 to 9.*2 to 2/);
  });
});

describe('a server with 64 descriptors', () => {
  const SERVER = `
    await transport.listen(process.argv[1], { ...OPTIONS, onIncoming(incoming) {
      incoming.accept(Uint8Array.of(1)).start(
        { onRecord() {}, onWritable() {}, onEnd() {} }, { recordBytesMax: 2040 });
    } });
    console.log('listening');
  `;
  let child: ChildProcess;
  beforeEach(async () => void (child = await startTransportProgram(SERVER, path)));
  afterEach(async () => {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
  });

  it('closes no connection without a word', async () => {
    // They do not ask: what they get is what the server says by itself, or nothing from libuv.
    const clients = Array.from({ length: 120 }, () => new RawClient());
    await waitUntil('most of them to end', () => clients.filter((one) => one.ended).length > 70);
    await sleep(100);
    const ended = clients.filter((one) => one.ended);
    expect(ended.filter((one) => one.refusal?.[0] !== BUSY)).toEqual([]);
    for (const one of clients) one.socket.destroy();
  });

  it('tells every client that it is busy, when all come at once', async () => {
    const links: Link[] = [];
    const ask = async (): Promise<string> => {
      try {
        const outgoing = await transport.connect(path, { ...OPTIONS, handshakeTimeoutMs: 10_000 });
        const { link, payload } = await outgoing.request(NOTHING);
        if (link === undefined) return payload[0] === BUSY ? 'busy' : 'refused';
        links.push(link);
        return 'link';
      } catch (error) {
        // It had closed before the request was sent: the same to a user.
        if (isPortError(error) && error.code === 'SERVER_BUSY') return 'busy';
        return isPortError(error) ? error.code : String(error);
      }
    };
    const outcomes = new Set(await Promise.all(Array.from({ length: 120 }, ask)));
    const later: string[] = [];
    for (let client = 0; client < 20; client++) later.push(await ask());
    for (const link of links) link.close();
    expect(outcomes).toEqual(new Set(['link', 'busy']));
    expect(new Set(later)).toEqual(new Set(['busy']));
  });
});
