import { FEATURE, isPortError } from '@portcall/wire';
import { beforeEach, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/recorder.js';
import { waitUntil } from '../test/support/wait-until.js';
import type { IncomingLink, ListenOptions, Transport } from './contract.js';
import { createMemoryTransport } from './memory-transport.js';

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

let incoming: IncomingLink[] = [];
let transport: Transport;

beforeEach(() => {
  incoming = [];
  transport = createMemoryTransport();
});

/** A client that waits for the decision, and how often the server was told that it is gone. */
async function asked(options: Partial<ListenOptions> = {}) {
  const listener = await transport.listen('a', { ...OPTIONS, ...options });
  const outgoing = await transport.connect('a', OPTIONS);
  const deciding = outgoing.request(Uint8Array.of(1), FEATURE.QUICK);
  deciding.catch(() => undefined);
  await waitUntil('the request', () => incoming.length === 1);
  const seen = { gone: 0 };
  incoming[0]!.onGone = () => seen.gone++;
  return { listener, outgoing, deciding, seen };
}

describe('the handshake in memory', () => {
  it('carries features both ways', async () => {
    const { deciding } = await asked();
    expect(incoming[0]!.features).toBe(FEATURE.QUICK);
    incoming[0]!.accept(Uint8Array.of(2), FEATURE.QUICK);
    const { link, features, payload, acceptor } = await deciding;
    expect([features, [...payload], acceptor]).toEqual([FEATURE.QUICK, [2], undefined]);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
    link!.close();
  });

  it('tells a client without a decision that the listener ended', async () => {
    const { listener, deciding, seen } = await asked();
    await listener.close();
    const { payload, link } = await deciding;
    expect([[...payload], link, seen.gone]).toEqual([[BUSY], undefined, 1]);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
  });

  it('ends when the time of the server is over, too', async () => {
    const { deciding, seen } = await asked({ handshakeTimeoutMs: 30 });
    const error: unknown = await deciding.catch((reason: unknown) => reason);
    expect([isPortError(error) && error.code, seen.gone]).toEqual(['TIMEOUT', 1]);
    expect(codeOf(() => incoming[0]!.accept(NOTHING))).toBe('DISCONNECTED');
    incoming[0]!.reject(NOTHING);
  });

  it('ends when the client gives up', async () => {
    const { outgoing, deciding, seen } = await asked();
    outgoing.close();
    const error: unknown = await deciding.catch((reason: unknown) => reason);
    expect([isPortError(error) && error.code, seen.gone]).toEqual(['DISCONNECTED', 1]);
  });
});
