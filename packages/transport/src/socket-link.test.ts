import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Recorder } from '../test/support/recorder.js';
import { waitUntil } from '../test/support/wait-until.js';
import { SocketLink } from './socket-link.js';

const LIMITS = { recordBytesMax: 100_000 };
const NOTHING = new Uint8Array(0);

let folder = '';
let server: Server;
let near: Socket;
let far: Socket;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pc-socket-link-'));
  const accepted = new Promise<Socket>((resolve) => {
    server = createServer({ pauseOnConnect: true }, resolve);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
  near = connect(join(folder, 's'));
  far = await accepted;
});
afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});

function send(link: SocketLink, body: readonly number[]): boolean {
  const claim = link.tryClaim(body.length);
  if (claim === undefined) return false;
  claim.bytes.set(body, claim.offset);
  link.commit(body.length);
  return true;
}

function started(socket: Socket, early: Uint8Array = NOTHING) {
  const link = new SocketLink(socket, undefined, early);
  const sees = new Recorder();
  link.start(sees, LIMITS);
  return { link, sees };
}

const RECORD = Uint8Array.of(9, 0, 0, 0, 1, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0);

describe('a pair of links', () => {
  it('carries records both ways', async () => {
    const one = started(near);
    const other = started(far);
    for (let index = 0; index < 200; index++) {
      send(one.link, [index]);
      send(other.link, [index, index]);
    }
    await waitUntil(
      'the records',
      () => one.sees.records.length + other.sees.records.length === 400,
    );
    expect(other.sees.records[199]).toEqual([199]);
  });

  it('delivers what was sent before the close', async () => {
    const one = started(near);
    const other = started(far);
    for (let index = 0; index < 100; index++) send(one.link, [index]);
    one.link.close();
    one.link.close();
    await waitUntil('the end', () => other.sees.ends.length > 0 && one.sees.ends.length > 0);
    expect(other.sees.records).toHaveLength(100);
    expect(other.sees.ends).toEqual([{ kind: 'ended' }]);
    expect(one.sees.ends).toEqual([{ kind: 'local' }]);
    expect(one.link.tryClaim(1)).toBeUndefined();
  });

  it('delivers the bytes that came with the handshake, and a record cut between them', async () => {
    const { sees } = started(near, RECORD.subarray(0, 6));
    expect(sees.records).toEqual([]);
    far.write(RECORD.subarray(6));
    await waitUntil('the record', () => sees.records.length === 1);
    expect(sees.records).toEqual([[42]]);
  });

  it('refuses claims while the peer does not read, and says when there is room again', async () => {
    const one = started(near);
    const body = Array.from({ length: 60_000 }, () => 1);
    let sent = 0;
    for (let turn = 0; turn < 500; turn++) {
      if (!send(one.link, body)) break;
      sent++;
      await nextTurn();
    }
    expect(sent).toBeLessThan(500);
    expect(one.sees.writable).toBe(0);
    const other = started(far);
    await waitUntil('room', () => one.sees.writable === 1);
    await waitUntil('the records', () => other.sees.records.length === sent);
    expect(send(one.link, [1])).toBe(true);
  });

  it('tells the end of a socket that was dead before the start', async () => {
    near.destroy();
    await waitUntil('its end', () => near.closed);
    const { sees } = started(near);
    await waitUntil('the end', () => sees.ends.length === 1);
    expect(sees.ends).toEqual([{ kind: 'ended' }]);
  });
});

describe('a peer that breaks the protocol', () => {
  // Threat: the peer writes anything. The link ends, once, and nothing is thrown into the process.
  it.each([
    ['zeros', new Uint8Array(64)],
    ['a record over the limit', Uint8Array.of(0, 0, 0, 1, 1, 0, 0, 0)],
    ['padding', Uint8Array.of(16, 0, 0, 0, 2, 0, 0, 0)],
  ])('is ended for %s', async (_, bytes) => {
    const { link, sees } = started(near);
    far.on('error', () => undefined);
    far.write(RECORD);
    far.write(bytes);
    await waitUntil('the end', () => sees.ends.length > 0);
    await nextTurn();
    expect(sees.records).toEqual([[42]]);
    expect(sees.ends).toEqual([{ kind: 'violation', text: expect.stringMatching(/^Cannot read/) }]);
    expect(link.tryClaim(1)).toBeUndefined();
    await waitUntil('the socket to go', () => near.destroyed);
  });

  it('is ended for bytes that came with the handshake', async () => {
    const { sees } = started(near, new Uint8Array(8));
    await waitUntil('the end', () => sees.ends.length > 0);
    expect(sees.ends[0]!.kind).toBe('violation');
  });

  it('is not waited for when it reads nothing and this side closes', async () => {
    const { link } = started(near);
    while (
      send(
        link,
        Array.from({ length: 60_000 }, () => 1),
      )
    );
    link.close();
    await waitUntil('the socket to go', () => near.destroyed, 3000);
  });
});
