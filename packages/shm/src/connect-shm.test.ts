/*
 * Threat: the server is hostile: it answers garbage, half of an answer, nothing, or passes
 * descriptors that are no regions. The client must get an error in time, and nothing may stay open.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PLAIN_FRAME, encodeFrame, type OutgoingLink } from '@portcall/transport';
import {
  CONTROL_TOKEN,
  FEATURE,
  FRAME_TYPE,
  LAYOUT_HASH,
  SECTION_TOKEN_BYTES,
} from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { LINK_OPTIONS, Recorder } from '../test/support/link-parts.js';
import { codeOfRejection, nativeBinding } from '../test/support/native.js';
import { waitUntil } from '../test/support/wait-until.js';
import { connectShm } from './connect-shm.js';
import { createRegion } from './region.js';

const native = nativeBinding();
const OPTIONS = LINK_OPTIONS;
const ACCEPT = { ...PLAIN_FRAME, type: FRAME_TYPE.ACCEPT, payload: Uint8Array.of(3) };
const SHARED = { features: FEATURE.SHARED_MEMORY, layoutHash: LAYOUT_HASH, regionBytes: 4096 };

let folder = '';
let path = '';
let base: string[] = [];
let listener = -1;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-connect-'));
  path = join(folder, 's');
  base = openDescriptors();
  listener = native.listen(path, 0o600, 4);
});
afterEach(async ({ task }) => {
  native.close(listener);
  if (task.result?.state !== 'fail') await expectDescriptors(base);
  rmSync(folder, { recursive: true });
});

/** Connects, asks, and takes the request in on the server's end. */
async function asked(handshakeTimeoutMs = OPTIONS.handshakeTimeoutMs) {
  const outgoing: OutgoingLink = await connectShm(native, path, { ...OPTIONS, handshakeTimeoutMs });
  const fd = native.accept(listener);
  const deciding = outgoing.request(Uint8Array.of(1));
  deciding.catch(() => undefined);
  const descriptors = new Int32Array(3);
  await waitUntil('the request', () => native.receive(fd, new Uint8Array(100), descriptors) > 0);
  expect(descriptors[0]).toBe(1);
  native.close(descriptors[1]!);
  return { outgoing, deciding, fd };
}

function send(fd: number, bytes: Uint8Array, passFd = -1): void {
  expect(native.send(fd, bytes, 0, bytes.length, passFd)).toBe(bytes.length);
}

describe('connectShm()', () => {
  it('knows the server before it has said anything', async () => {
    const { outgoing, deciding, fd } = await asked();
    expect(outgoing.peer).toMatchObject({
      pid: process.pid,
      uid: process.getuid!(),
      source: 'connect',
    });
    native.close(fd);
    expect(await codeOfRejection(deciding)).toBe('DISCONNECTED');
  });

  it.each([
    ['PORT_NOT_FOUND', 'none'],
    ['PORT_NOT_FOUND', 'none/s'],
  ])('rejects with %s where nobody listens', async (code, name) => {
    expect(await codeOfRejection(connectShm(native, join(folder, name), OPTIONS))).toBe(code);
  });

  it('rejects with SERVER_BUSY when the backlog stays full', async () => {
    const fds: number[] = [];
    for (let fd = native.connect(path, 0); fd >= 0; fd = native.connect(path, 0)) fds.push(fd);
    const options = { ...OPTIONS, handshakeTimeoutMs: 30 };
    expect(await codeOfRejection(connectShm(native, path, options))).toBe('SERVER_BUSY');
    for (const fd of fds) native.close(fd);
  });
});

describe('a server that does not answer as it must', () => {
  it.each([
    ['garbage', new Uint8Array(50).fill(7), 'PROTOCOL_ERROR'],
    ['a request', encodeFrame({ ...ACCEPT, type: FRAME_TYPE.CONNECT_REQUEST }), 'PROTOCOL_ERROR'],
    [
      'a later version',
      encodeFrame({ ...ACCEPT, versionMin: 7, versionMax: 9 }),
      'CONNECTION_REFUSED',
    ],
  ])('%s: the request is rejected', async (_, bytes, code) => {
    const { deciding, fd } = await asked();
    send(fd, bytes);
    expect(await codeOfRejection(deciding)).toBe(code);
    native.close(fd);
  });

  it('nothing: the request times out', async () => {
    const { deciding, fd } = await asked(50);
    expect(await codeOfRejection(deciding)).toBe('TIMEOUT');
    native.close(fd);
  });

  it('half of an answer, then the end: the request is rejected', async () => {
    const { deciding, fd } = await asked();
    const other = native.memfdCreate('passed', 0);
    send(fd, encodeFrame(ACCEPT).subarray(0, 20), other);
    native.close(other);
    native.close(fd);
    expect(await codeOfRejection(deciding)).toBe('DISCONNECTED');
  });

  it('a descriptor that is no region: the request is rejected', async () => {
    const { deciding, fd } = await asked();
    const other = native.memfdCreate('passed', 8192);
    send(fd, encodeFrame({ ...ACCEPT, ...SHARED }), other);
    native.close(other);
    expect(await codeOfRejection(deciding)).toBe('PROTOCOL_ERROR');
    native.close(fd);
  });

  it('two descriptors: the request is rejected', async () => {
    const { deciding, fd } = await asked();
    const other = native.memfdCreate('passed', 8192);
    const frame = encodeFrame({ ...ACCEPT, ...SHARED });
    send(fd, frame.subarray(0, 5), other);
    send(fd, frame.subarray(5), other);
    native.close(other);
    expect(await codeOfRejection(deciding)).toBe('PROTOCOL_ERROR');
    native.close(fd);
  });

  it('a refusal with a descriptor: the request is rejected, and that is closed', async () => {
    const { deciding, fd } = await asked();
    const other = native.memfdCreate('passed', 0);
    send(fd, encodeFrame({ ...ACCEPT, type: FRAME_TYPE.REJECT }), other);
    native.close(other);
    expect(await codeOfRejection(deciding)).toBe('PROTOCOL_ERROR');
    native.close(fd);
  });

  it('no shared memory: gives a plain stream', async () => {
    const { deciding, fd } = await asked();
    send(fd, encodeFrame(ACCEPT));
    const { link } = await deciding;
    expect(link!.transportName).toBe('socket');
    link!.start(new Recorder(), { recordBytesMax: 100 });
    link!.close();
    native.close(fd);
  });
});

describe('an answer in several reads', () => {
  it('may be followed at once by a section', async () => {
    // The last read of a long answer brings what was sent behind it, too: a section announcement
    // with its descriptor, when the server was quick.
    const { deciding, fd } = await asked();
    const region = createRegion(native, 4096);
    const payload = new Uint8Array(20_000);
    send(fd, encodeFrame({ ...ACCEPT, ...SHARED, payload }), region.fd);
    const token = new Uint8Array(SECTION_TOKEN_BYTES);
    token.set([CONTROL_TOKEN.SECTION, 0, 0, 0, 1]);
    const section = native.memfdCreate('section', 100);
    send(fd, token, section);
    for (const own of [section, region.fd]) native.close(own);
    native.revoke(region.mapping);
    const outcome = await deciding.then(
      ({ link }) => {
        link!.close();
        return 'a link';
      },
      (error: unknown) => String(error),
    );
    native.close(fd);
    expect(outcome).toBe('a link');
  });
});

describe('close()', () => {
  it('makes a waiting request reject with DISCONNECTED at once', async () => {
    const { outgoing, deciding, fd } = await asked(1500);
    const startedAt = performance.now();
    outgoing.close();
    const code = await codeOfRejection(deciding);
    const tookMs = performance.now() - startedAt;
    native.close(fd);
    expect(code).toBe('DISCONNECTED');
    expect(tookMs).toBeLessThan(1000);
  });

  it('ends a connection that nothing was asked on', async () => {
    const outgoing = await connectShm(native, path, OPTIONS);
    outgoing.close();
    outgoing.close();
  });
});
