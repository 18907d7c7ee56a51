import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  ATTRIBUTES_KNOWN,
  MESSAGE_TYPE,
  STATUS,
  type MessageId,
  type PortError,
} from '@portcall/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { HandCompanions, HandLink, HandSections } from '../test/support/hand-link.js';
import { waitUntil } from '../test/support/wait-until.js';
import { completeAttributes } from './attributes.js';
import { IncomingRequest, noExtras } from './incoming-request.js';
import { PortChannel } from './port-channel.js';
import type { RequestOptions } from './port-end.js';
import { PortRequest, messageOf, type RequestOrigin } from './port-request.js';

const { REQUEST, REPLY, DATAGRAM, CANCEL } = MESSAGE_TYPE;

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'pc-request-'))));
afterAll(() => rmSync(folder, { recursive: true }));

type Limits = Parameters<typeof completeAttributes>[0];

function channelOver(link = new HandLink(), limits: Limits = {}): PortChannel {
  const attributes = completeAttributes(limits);
  const channel = new PortChannel(link, {
    attributes,
    portName: 'test',
    peerWants: ATTRIBUTES_KNOWN,
  });
  channel.start({ onRequest() {}, onDatagram() {}, onClosed() {} });
  return channel;
}

/** A request and what came of it; `settled` gets one entry. */
function requestOver(link: HandLink, options: RequestOptions, origin: RequestOrigin = PLAIN) {
  const channel = channelOver(link);
  const settled: [PortError | undefined, number[]][] = [];
  const request = new PortRequest(channel, options, origin, (error, reply) => {
    settled.push([error, [...reply]]);
  });
  return { channel, request, settled, start: () => request.start(Uint8Array.of(1), origin) };
}

const PLAIN: RequestOrigin = { isDynamic: false };

function typesOf(link: HandLink): number[] {
  return link.sent.map(({ type }) => type);
}

describe('a request', () => {
  it('is settled by its reply, once', () => {
    const link = new HandLink();
    const { request, settled, start, channel } = requestOver(link, {});
    start();
    const data = Uint8Array.of(5, 6);
    link.deliver({ type: REPLY, messageId: request.id }, data);
    link.deliver({ type: REPLY, messageId: request.id }, data);
    expect(settled).toEqual([[undefined, [5, 6]]]);
    expect([request.abandon(), channel.activity]).toEqual([undefined, 0]);
  });

  it('is settled by a status, with its text', () => {
    const link = new HandLink();
    const { request, settled, start } = requestOver(link, {});
    start();
    const head = { type: REPLY, messageId: request.id, status: STATUS.SERVER_BUSY.id };
    link.deliver(head, Buffer.from('full'));
    expect(settled[0]?.[0]).toMatchObject({ code: 'SERVER_BUSY', message: 'full' });
  });

  it.each([0, -1, -Infinity])('with timeoutMs %d is never sent', (timeoutMs) => {
    const link = new HandLink();
    const { channel, start, settled } = requestOver(link, { timeoutMs });
    expect(codeOf(start)).toBe('TIMEOUT');
    expect([link.sent, channel.activity, settled]).toEqual([[], 0, []]);
  });

  it('with timeoutMs NaN throws RangeError, and is never sent', () => {
    const link = new HandLink();
    const { start, channel } = requestOver(link, { timeoutMs: NaN });
    expect(start).toThrow(RangeError);
    expect([link.sent, channel.activity]).toEqual([[], 0]);
  });

  it('whose time is over fails, and is cancelled at the peer', async () => {
    const link = new HandLink();
    const { settled, start } = requestOver(link, { timeoutMs: 20 });
    const startedAt = performance.now();
    start();
    await waitUntil('the deadline', () => settled.length > 0);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(20);
    expect(settled[0]?.[0]).toMatchObject({ code: 'TIMEOUT', sent: true, executed: 'maybe' });
    expect(typesOf(link)).toEqual([REQUEST, CANCEL]);
  });

  it('whose time is over while it waits for room has not run', async () => {
    const link = new HandLink();
    link.room = 0;
    const { settled, start } = requestOver(link, { timeoutMs: 10 });
    start();
    await waitUntil('the deadline', () => settled.length > 0);
    expect(settled[0]?.[0]).toMatchObject({ code: 'TIMEOUT', sent: false, executed: 'no' });
    link.makeRoom();
    expect(link.sent).toEqual([]);
  });

  it('tells the peer what remains of its time', () => {
    const link = new HandLink();
    requestOver(link, { timeoutMs: 60_000 }).start();
    requestOver(link, {}).start();
    expect(link.sent.map(({ attributeMask }) => attributeMask)).toEqual([32, 0]);
  });
});

describe('the signal of a request', () => {
  it('aborted before, keeps it from being sent', () => {
    const link = new HandLink();
    const { start, channel } = requestOver(link, { signal: AbortSignal.abort('why') });
    expect(codeOf(start)).toBe('CANCELED');
    expect([link.sent, channel.activity]).toEqual([[], 0]);
  });

  it('aborted after, ends it and tells the peer', () => {
    const link = new HandLink();
    const abort = new AbortController();
    const { start, settled } = requestOver(link, { signal: abort.signal });
    start();
    abort.abort('why');
    expect(settled).toHaveLength(1);
    expect(settled[0]?.[0]).toMatchObject({
      code: 'CANCELED',
      sent: true,
      executed: 'maybe',
      cause: 'why',
    });
    expect(typesOf(link)).toEqual([REQUEST, CANCEL]);
  });

  it('aborted while it waits for room, takes it out of the queue', () => {
    const link = new HandLink();
    link.room = 0;
    const abort = new AbortController();
    const { start, settled } = requestOver(link, { signal: abort.signal });
    start();
    abort.abort();
    expect(settled[0]?.[0]).toMatchObject({ code: 'CANCELED', sent: false, executed: 'no' });
    link.makeRoom();
    expect(link.sent).toEqual([]);
  });

  it('aborted when it is settled, changes nothing', () => {
    const link = new HandLink();
    const abort = new AbortController();
    const { request, start, settled } = requestOver(link, { signal: abort.signal });
    start();
    link.deliver({ type: REPLY, messageId: request.id });
    abort.abort();
    expect(settled).toEqual([[undefined, []]]);
    expect(typesOf(link)).toEqual([REQUEST]);
  });

  it('is let go of when the request cannot be sent', () => {
    const abort = new AbortController();
    const channel = channelOver(new HandLink(), { maxMessageLength: 1 });
    const settled: unknown[] = [];
    const options = { signal: abort.signal };
    const request = new PortRequest(channel, options, PLAIN, (error) => settled.push(error));
    expect(codeOf(() => request.start(new Uint8Array(2), PLAIN))).toBe('MESSAGE_TOO_LONG');
    abort.abort();
    expect([settled, channel.activity]).toEqual([[], 0]);
  });
});

describe('a callback', () => {
  function callbackAt(depth: number) {
    const parent = new IncomingRequest(9 as MessageId, noExtras(0), {
      depth: depth - 1,
      onReply() {},
      onFailure() {},
    });
    const link = new HandLink();
    const origin = { isDynamic: false, callbackOf: parent };
    return { link, parent, ...requestOver(link, {}, origin) };
  }

  it('names the request that it belongs to, and is one deeper', () => {
    const { link, request, parent, start } = callbackAt(3);
    start();
    expect(link.sent[0]).toMatchObject({ type: REQUEST, callbackId: 9 });
    expect([parent.depth, request.depth]).toEqual([3, 4]);
  });

  it('goes 32 deep, and no deeper', () => {
    expect(codeOf(callbackAt(31).start)).toBe('nothing thrown');
    const tooDeep = callbackAt(32);
    expect(codeOf(tooDeep.start)).toBe('QUOTA_EXCEEDED');
    expect(tooDeep.link.sent).toEqual([]);
  });
});

describe('completionDescriptor', () => {
  it('gets a u64 of 1 when the request settles, however it does', async () => {
    const path = join(folder, 'done');
    const end = async (settle: (link: HandLink, id: MessageId, abort: AbortController) => void) => {
      writeFileSync(path, '');
      const descriptor = openSync(path, 'r+');
      const link = new HandLink();
      const abort = new AbortController();
      const options = { completionDescriptor: descriptor, signal: abort.signal };
      const { request, start } = requestOver(link, options);
      start();
      expect(readFileSync(path)).toHaveLength(0);
      settle(link, request.id, abort);
      await new Promise((resolve) => process.nextTick(resolve));
      closeSync(descriptor);
      return [...readFileSync(path)];
    };
    const one = [1, 0, 0, 0, 0, 0, 0, 0];
    expect(await end((link, messageId) => link.deliver({ type: REPLY, messageId }))).toEqual(one);
    expect(await end((_, __, abort) => abort.abort())).toEqual(one);
    expect(await end((link) => link.close())).toEqual(one);
  });
});

describe('messageOf()', () => {
  const OPTIONS = { isDynamic: false };

  it('refuses to send inline what is too long for the ring', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const channel = channelOver(link, { inlineLimit: 10 });
    const make = (length: number) => () =>
      messageOf(channel, DATAGRAM, new Uint8Array(length), { ...OPTIONS, mode: 'inline' });
    expect([codeOf(make(10)), codeOf(make(11))]).toEqual(['nothing thrown', 'MESSAGE_TOO_LONG']);
  });

  it('sends for whom it acts only where both sides allow that', () => {
    const onBehalfOf = [{ pid: 1, uid: 1, gid: 1, startTime: 1 }];
    const maskAt = (allowImpersonation: 'identify' | 'impersonate') => {
      const channel = channelOver(new HandLink(), { allowImpersonation });
      const options = { ...OPTIONS, onBehalfOf };
      return messageOf(channel, DATAGRAM, new Uint8Array(0), options).attributes?.mask;
    };
    expect([maskAt('identify'), maskAt('impersonate')]).toEqual([undefined, 16]);
  });

  it('sends handles only where they can travel, of types that both sides enable', () => {
    const descriptor = openSync(folder, 'r');
    const code = (link: HandLink, types: readonly ('directory' | 'file')[]) =>
      codeOf(() => {
        const channel = channelOver(link, { dupObjectTypes: types });
        messageOf(channel, DATAGRAM, new Uint8Array(0), { ...OPTIONS, handles: [descriptor] });
      });
    const companions = new HandCompanions();
    expect(code(new HandLink({ companions }), ['directory'])).toBe('nothing thrown');
    expect(code(new HandLink({ companions }), ['file'])).toBe('ACCESS_DENIED');
    expect(code(new HandLink(), ['directory'])).toBe('ACCESS_DENIED');
    closeSync(descriptor);
  });

  it('has the kernel vouch for a tracked sender, where it can', () => {
    const maskOver = (link: HandLink) =>
      messageOf(channelOver(link), DATAGRAM, new Uint8Array(0), { isDynamic: true }).attributes
        ?.mask;
    expect(maskOver(new HandLink({ companions: new HandCompanions() }))).toBe(1);
    expect(maskOver(new HandLink())).toBeUndefined();
  });

  it('sends ranges with requests only', () => {
    const options = { ...OPTIONS, ranges: [{ bytes: new Uint8Array(1) }] };
    const maskOf = (type: number) =>
      messageOf(channelOver(), type, new Uint8Array(0), options).attributes?.mask;
    expect([maskOf(REQUEST), maskOf(DATAGRAM)]).toEqual([4, undefined]);
  });
});
