/*
 * Threat: the sender passes more descriptors than it may, none where some are wanted, or claims to
 * be another process. Each descriptor is counted, and the kernel answers for credentials.
 */
import { spawnSync, type StdioOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
const OWN = [process.pid, process.geteuid!(), process.getegid!()];
let folder = '';
let path = '';
let listener = -1;
let base: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-ancillary-'));
  path = join(folder, 's');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  base = openDescriptors();
  listener = native.listen(path, 0o600, 8);
});
afterEach(async () => {
  native.close(listener);
  rmSync(path, { force: true });
  await expectDescriptors(base);
});

function connectedPair(vouched: 0 | 1 = 0): readonly [number, number] {
  const client = native.connect(path, vouched);
  return [client, native.accept(listener)];
}

function closeAll(fds: Iterable<number>): void {
  for (const fd of fds) native.close(fd);
}

function receive(fd: number, room = 5) {
  const bytes = new Uint8Array(64);
  const descriptors = new Int32Array(1 + room);
  const credentials = new Float64Array(3);
  const count = native.receiveWith(fd, bytes, descriptors, credentials);
  return {
    bytes: [...bytes.subarray(0, Math.max(count, 0))],
    passed: descriptors[0]!,
    fds: [...descriptors.subarray(1, 1 + Math.max(descriptors[0]!, 0))],
    credentials: [...credentials],
  };
}

describe('sendWith()', () => {
  it.each([0, 1, 2, 3, 4])('passes %i descriptors with one message', (count) => {
    const [client, server] = connectedPair();
    const fds = Array.from({ length: count }, (_, index) => native.memfdCreate('x', index));
    expect(native.sendWith(client, Uint8Array.of(7), 0, 1, Int32Array.from(fds), 0)).toBe(1);
    const { bytes, passed, fds: arrived } = receive(server);
    expect([bytes, passed, arrived.length]).toEqual([[7], count, count]);
    const sizes = arrived.map((fd) => {
      const fields = new Float64Array(5);
      native.inspect(fd, fields);
      return fields[1];
    });
    expect(sizes).toEqual(fds.map((_, index) => index));
    closeAll([client, server, ...fds, ...arrived]);
  });

  it('throws RangeError for more, and for a range outside the array', () => {
    const none = new Int32Array(0);
    expect(() => native.sendWith(9999, new Uint8Array(1), 0, 1, new Int32Array(5), 0)).toThrow(
      RangeError,
    );
    expect(() => native.sendWith(9999, new Uint8Array(1), 1, 1, none, 0)).toThrow(RangeError);
  });

  it('returns EBADF and sends nothing when one of them is not open', () => {
    const [client, server] = connectedPair();
    const result = native.sendWith(client, Uint8Array.of(7), 0, 1, Int32Array.of(client, 9999), 0);
    expect(errnoName(result)).toBe('EBADF');
    expect(receive(server).bytes).toEqual([]);
    closeAll([client, server]);
  });
});

describe('credentials', () => {
  it('come with each read once they are wanted, and not before', () => {
    const [client, server] = connectedPair();
    native.send(client, Uint8Array.of(1), 0, 1, -1);
    expect(receive(server).credentials[0]).toBe(-1);
    expect(native.passCredentials(server, 1)).toBe(0);
    native.send(client, Uint8Array.of(2), 0, 1, -1);
    expect(receive(server).credentials).toEqual(OWN);
    native.passCredentials(server, 0);
    native.send(client, Uint8Array.of(3), 0, 1, -1);
    expect(receive(server).credentials[0]).toBe(-1);
    closeAll([client, server]);
  });

  it('are there from the first byte when wanted before connecting', () => {
    const [client, server] = connectedPair(1);
    native.send(server, Uint8Array.of(1), 0, 1, -1);
    expect(receive(client).credentials).toEqual(OWN);
    closeAll([client, server]);
  });

  it('are nobody for what was sent before they were wanted', () => {
    const [client, server] = connectedPair();
    native.send(client, Uint8Array.of(1), 0, 1, -1);
    native.passCredentials(server, 1);
    expect(receive(server).credentials[0]).toBe(0);
    closeAll([client, server]);
  });

  it('stated with the message are those of this process, together with descriptors', () => {
    const [client, server] = connectedPair();
    native.passCredentials(server, 1);
    const fds = Int32Array.of(client, server, client, server);
    native.sendWith(client, Uint8Array.of(1), 0, 1, fds, 1);
    const { passed, fds: arrived, credentials } = receive(server);
    expect([passed, credentials]).toEqual([4, OWN]);
    closeAll([client, server, ...arrived]);
  });

  it('of two senders never share a read', () => {
    const [client, server] = connectedPair();
    native.passCredentials(server, 1);
    native.send(client, Uint8Array.of(1), 0, 1, -1);
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', client];
    // A shell does not bear every sanitizer.
    const env = { ...process.env, LD_PRELOAD: '' };
    expect(spawnSync('sh', ['-c', 'printf x >&3'], { stdio, env }).status).toBe(0);
    const [own, child] = [receive(server), receive(server)];
    expect([own.bytes, own.credentials[0]]).toEqual([[1], process.pid]);
    expect(child.bytes).toEqual(['x'.charCodeAt(0)]);
    expect([0, -1, process.pid]).not.toContain(child.credentials[0]);
    closeAll([client, server]);
  });

  it('throw RangeError where there is no room for them', () => {
    const call = (): number =>
      native.receiveWith(9999, new Uint8Array(1), new Int32Array(1), new Float64Array(2));
    expect(call).toThrow(RangeError);
  });
});
