import { createMemoryTransport, createSocketTransport, type Transport } from '@portcall/transport';
import { afterEach, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { parsePortName } from './port-name.js';
import { chooseTransportFor, placeOf } from './port-place.js';

const socket = createSocketTransport();
const HEX = '0123456789abcdef'.repeat(2);

async function codeFrom(promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.then(
    () => () => undefined,
    (error: unknown) => () => {
      throw error;
    },
  );
  return codeOf(outcome);
}

describe('chooseTransportFor()', () => {
  const chosen = async (name: string, choice?: Parameters<typeof chooseTransportFor>[1]) =>
    (await chooseTransportFor(parsePortName(name), choice)).transport;

  it('gives all inproc ports the same transport, which stays in the process', async () => {
    const first = await chosen('inproc:a');
    expect(first.name).toBe('memory');
    expect(await chosen('inproc:b', 'auto')).toBe(first);
  });

  it('takes a memory transport of the program for inproc, and no other', async () => {
    const own = createMemoryTransport();
    expect(await chosen('inproc:a', own)).toBe(own);
    for (const choice of ['socket', 'shm', socket] as const) {
      await expect(chosen('inproc:a', choice)).rejects.toThrow(TypeError);
    }
  });

  it('takes what is asked for in the other namespaces', async () => {
    for (const name of ['a', 'system:a', `unnamed:${HEX}`]) {
      expect((await chosen(name, 'socket')).name).toBe('socket');
    }
  });

  it('refuses an abstract port whose peers nobody knows', async () => {
    for (const choice of ['socket', socket, createMemoryTransport()] as const) {
      expect(await codeFrom(chosen('abstract:a', choice))).toBe('ACCESS_DENIED');
    }
    const knowing: Transport = {
      ...socket,
      capabilities: { ...socket.capabilities, identity: true },
    };
    expect(await chosen('abstract:a', knowing)).toBe(knowing);
  });
});

describe('placeOf()', () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  const place = (name: string, directory?: string) =>
    placeOf(parsePortName(name), socket, directory);

  it('of session and unnamed ports is in the runtime directory', () => {
    process.env['PORTCALL_RUNTIME_DIR'] = '/run/me';
    expect(place('a/b').address).toBe('/run/me/a!b');
    expect(place('session:a/b')).toEqual(place('a/b'));
    expect(place(`unnamed:${HEX}`).address).toBe(`/run/me/~${HEX}`);
    expect(place('a', '/run/you')).toMatchObject({
      kind: 'file',
      address: '/run/you/a',
      files: { directory: '/run/you', lock: '/run/you/#a.lock' },
    });
  });

  it('of system ports is in a directory of their own', () => {
    process.env['PORTCALL_RUNTIME_DIR'] = '/run/me';
    expect(place('system:a').address).toBe('/run/portcall/a');
  });

  it('of abstract ports is no file', () => {
    expect(place('abstract:a', '/run/me')).toEqual({
      kind: 'abstract',
      address: '\0portcall/a',
    });
  });

  it('in memory tells namespaces apart', () => {
    const memory = createMemoryTransport();
    const of = (name: string): string => placeOf(parsePortName(name), memory).address;
    expect([of('a'), of('session:a'), of('inproc:a')]).toEqual([
      'session:a',
      'session:a',
      'inproc:a',
    ]);
  });
});
