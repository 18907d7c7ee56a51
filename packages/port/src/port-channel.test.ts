/*
 * What a channel makes of messages and room, over a link by hand. How two channels get on with each
 * other on real transports is in the conformance suite.
 */
import { MESSAGE_TYPE, STATUS, type MessageId, type PortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { HandLink, HandSections } from '../test/support/hand-link.js';
import { completeAttributes } from './attributes.js';
import type { IncomingRequest } from './incoming-request.js';
import { PortChannel, type ChannelOptions } from './port-channel.js';
import type { PortClosed } from './port-closed.js';

const { REQUEST, REPLY, DATAGRAM, CANCEL, CLOSE, CREDIT, RANGE, PING, PONG } = MESSAGE_TYPE;

interface Seen {
  readonly requests: IncomingRequest[];
  readonly datagrams: Uint8Array[];
  readonly closed: PortClosed[];
}

type Limits = Parameters<typeof completeAttributes>[0];

/** A started channel whose handler takes nothing by itself. */
function channelOver(link: HandLink, limits: Limits = {}, options: Partial<ChannelOptions> = {}) {
  const attributes = completeAttributes(limits);
  const channel = new PortChannel(link, { attributes, portName: 'test', ...options });
  const seen: Seen = { requests: [], datagrams: [], closed: [] };
  channel.start(
    {
      onRequest: (request) => seen.requests.push(request),
      onDatagram: ({ bytes, offset }) => seen.datagrams.push(bytes.slice(offset)),
      onClosed: (closed) => seen.closed.push(closed),
    },
    true,
  );
  return { channel, seen, link };
}

function credits(link: HandLink): number[][] {
  return link.sent
    .filter(({ type }) => type === CREDIT)
    .map(({ data }) => {
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      return [view.getUint32(0, true), view.getUint32(4, true)];
    });
}

class Sink {
  readonly replies: Uint8Array[] = [];
  readonly failures: string[] = [];

  onReply({
    bytes,
    offset,
    lengthBytes,
  }: {
    bytes: Uint8Array;
    offset: number;
    lengthBytes: number;
  }) {
    this.replies.push(bytes.slice(offset, offset + lengthBytes));
  }

  onFailure(error: PortError): void {
    this.failures.push(error.code);
  }
}

function sendRequest(channel: PortChannel, sink: Sink): MessageId {
  const messageId = channel.addRequest(sink, Infinity);
  channel.send({ type: REQUEST, messageId, status: 0, flags: 0 }, [Uint8Array.of(1)]);
  return messageId;
}

describe('credit for the peer', () => {
  it('is told when half of it was taken', () => {
    const { channel, link } = channelOver(new HandLink(), { maxQueuedMessages: 4 });
    for (let sent = 0; sent < 4; sent++) link.deliver({ type: DATAGRAM }, new Uint8Array(3));
    channel.taken(3);
    expect(credits(link)).toEqual([]);
    channel.taken(3);
    expect(credits(link)).toEqual([[2, 6]]);
    channel.taken(3);
    channel.taken(3);
    expect(credits(link)).toEqual([
      [2, 6],
      [4, 12],
    ]);
    expect(channel.statistics.untaken).toBe(0);
  });

  it('that is due while there is no room goes once there is some, with the totals of then', () => {
    const { channel, link } = channelOver(new HandLink(), { maxQueuedMessages: 2 });
    link.deliver({ type: DATAGRAM });
    link.deliver({ type: DATAGRAM });
    link.room = 0;
    channel.taken(0);
    channel.taken(0);
    expect(credits(link)).toEqual([]);
    // Nothing else will happen: the peer has no credit, and this side has nothing to send.
    link.makeRoom();
    expect(credits(link)).toEqual([[2, 0]]);
  });

  it('that is due goes behind answers that wait, before requests that do', () => {
    const { channel, link } = channelOver(new HandLink(), { maxQueuedMessages: 1 });
    link.deliver({ type: DATAGRAM });
    channel.send({ type: DATAGRAM, messageId: 0, status: 0, flags: 0 }, []);
    channel.send({ type: DATAGRAM, messageId: 0, status: 0, flags: 0 }, []);
    link.room = 0;
    channel.failRequest(5 as MessageId, 'TIMEOUT', undefined);
    channel.taken(0);
    link.makeRoom(1);
    link.makeRoom(1);
    expect(link.sent.map(({ type }) => type)).toEqual([DATAGRAM, REPLY, CREDIT]);
  });

  it('is told however short the messages of the port may be', () => {
    const { channel, link } = channelOver(new HandLink(), {
      maxMessageLength: 1,
      maxQueuedMessages: 1,
    });
    link.deliver({ type: DATAGRAM }, Uint8Array.of(1));
    channel.taken(1);
    expect(credits(link)).toEqual([[1, 1]]);
    // The other end takes it as well.
    const other = channelOver(new HandLink(), { maxMessageLength: 1, maxQueuedMessages: 1 });
    other.channel.send({ type: DATAGRAM, messageId: 0, status: 0, flags: 0 }, [Uint8Array.of(1)]);
    other.link.deliver({ type: CREDIT }, link.sent[0]!.data);
    expect(other.channel.trySendMessage(datagram())).toBe(true);
  });

  function datagram() {
    const head = { type: DATAGRAM, messageId: 0, status: 0, flags: 0 };
    return { head, parts: [], totalBytes: 0, onSettled: undefined };
  }

  it('is owed for refused requests too', () => {
    const { channel, link } = channelOver(new HandLink(), { maxQueuedMessages: 1 });
    channel.refusal = 'ACCESS_DENIED';
    for (let id = 1; id < 4; id++) link.deliver({ type: REQUEST, messageId: id });
    expect(credits(link)).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    expect(channel.statistics).toMatchObject({ refused: 3, untaken: 0 });
  });

  it('is a violation to go beyond', () => {
    const { link } = channelOver(new HandLink(), { maxQueuedMessages: 2 });
    link.deliver({ type: DATAGRAM });
    link.deliver({ type: REQUEST, messageId: 1 });
    expect(codeOf(() => link.deliver({ type: DATAGRAM }))).toBe('PROTOCOL_ERROR');
  });

  it.each([0, 7, 9])('of %i bytes is a violation', (length) => {
    const { link } = channelOver(new HandLink());
    const data = new Uint8Array(length);
    expect(codeOf(() => link.deliver({ type: CREDIT }, data))).toBe('PROTOCOL_ERROR');
  });
});

describe('a request of the peer', () => {
  it('is answered INVALID_MESSAGE or MESSAGE_TOO_LONG for wrong data, and all goes on', () => {
    const { seen, link } = channelOver(new HandLink(), { maxMessageLength: 10 });
    link.deliver({ type: REQUEST, messageId: 1 }, new Uint8Array(11));
    link.deliver({ type: REQUEST, messageId: 2 }, new Uint8Array(10));
    expect(seen.requests.map(({ id }) => id)).toEqual([2]);
    const [refusal] = link.sent;
    expect(refusal).toMatchObject({ type: REPLY, messageId: 1, flags: 2 });
    expect(refusal?.status).toBe(STATUS.MESSAGE_TOO_LONG.id);
    // Its text is cut to what may be sent.
    expect(refusal?.data.length).toBe(10);
  });

  it('whose id is outstanding, or shares its slot, is a violation', () => {
    for (const messageId of [5, 5 + 2048]) {
      const { link } = channelOver(new HandLink());
      link.deliver({ type: REQUEST, messageId: 5 });
      expect(codeOf(() => link.deliver({ type: REQUEST, messageId }))).toBe('PROTOCOL_ERROR');
    }
  });

  it('that belongs to a settled request of ours is answered CANCELED', () => {
    const { seen, link } = channelOver(new HandLink());
    link.deliver({ type: REQUEST, messageId: 1, callbackId: 9 });
    expect(seen.requests).toEqual([]);
    expect(link.sent[0]).toMatchObject({ messageId: 1, status: STATUS.CANCELED.id });
  });

  it('that belongs to a request of ours knows it, even where others are refused', () => {
    const { channel, seen, link } = channelOver(new HandLink());
    const sink = new Sink();
    const callbackId = sendRequest(channel, sink);
    channel.refusal = 'ACCESS_DENIED';
    link.deliver({ type: REQUEST, messageId: 1, callbackId });
    expect(seen.requests[0]).toMatchObject({ callbackOf: sink, depth: 1 });
  });

  it('is cancelled by a CANCEL, and answered no more', () => {
    const { channel, seen, link } = channelOver(new HandLink());
    link.deliver({ type: REQUEST, messageId: 1 });
    const [request] = seen.requests;
    let cancels = 0;
    request!.onCancel = () => cancels++;
    link.deliver({ type: CANCEL, messageId: 1 });
    link.deliver({ type: CANCEL, messageId: 1 });
    expect([cancels, channel.settle(request!), channel.activity]).toEqual([1, false, 0]);
  });
});

describe('other messages of the peer', () => {
  it('PING is answered at once', () => {
    const { link } = channelOver(new HandLink());
    link.deliver({ type: PING, messageId: 77 });
    expect(link.sent[0]).toMatchObject({ type: PONG, messageId: 77 });
  });

  it('an answer to nothing is ignored', () => {
    const { link, seen } = channelOver(new HandLink());
    for (const type of [REPLY, PONG, CANCEL]) link.deliver({ type, messageId: 3 });
    expect([link.sent, seen.closed]).toEqual([[], []]);
  });

  it('a RANGE of a settled request is answered CANCELED, a bad one INVALID_MESSAGE', () => {
    const { channel, link } = channelOver(new HandLink());
    link.deliver({ type: RANGE, messageId: 1, callbackId: 9 }, new Uint8Array(24));
    const callbackId = sendRequest(channel, new Sink());
    link.deliver({ type: RANGE, messageId: 2, callbackId }, new Uint8Array(24));
    const replies = link.sent.filter(({ type }) => type === REPLY);
    expect(replies.map(({ messageId, status }) => [messageId, status])).toEqual([
      [1, STATUS.CANCELED.id],
      [2, STATUS.INVALID_MESSAGE.id],
    ]);
  });

  it('anything after CLOSE is a violation', async () => {
    const { link, seen } = channelOver(new HandLink());
    link.deliver({ type: CLOSE, status: STATUS.ACCESS_DENIED.id });
    expect(codeOf(() => link.deliver({ type: DATAGRAM }))).toBe('PROTOCOL_ERROR');
    await new Promise((resolve) => process.nextTick(resolve));
    expect(seen.closed).toEqual([{ reason: 'closed', status: 'ACCESS_DENIED' }]);
  });

  it('whatever it is, nothing but PROTOCOL_ERROR comes out', () => {
    const head = fc.record({
      type: fc.nat(10),
      messageId: fc.nat(3),
      callbackId: fc.nat(3),
      status: fc.nat(30),
      flags: fc.nat(4),
    });
    const messages = fc.array(fc.tuple(head, fc.uint8Array({ maxLength: 40 })), { maxLength: 30 });
    fc.assert(
      fc.property(messages, (all) => {
        const limits = { maxMessageLength: 30, maxQueuedMessages: 5, maxPoolUsage: 50 };
        const { channel, link } = channelOver(new HandLink(), limits);
        sendRequest(channel, new Sink());
        for (const [one, data] of all) {
          const code = codeOf(() => link.deliver(one, data));
          if (code === 'nothing thrown') continue;
          expect(code).toBe('PROTOCOL_ERROR');
          return; // A real link has ended.
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('requests of this side', () => {
  it('that were never sent are taken out of the queue, the others cancelled at the peer', () => {
    const { channel, link } = channelOver(new HandLink());
    const sent = sendRequest(channel, new Sink());
    link.room = 0;
    const queued = sendRequest(channel, new Sink());
    expect([channel.abandonRequest(sent), channel.abandonRequest(queued)]).toEqual([true, false]);
    expect(channel.abandonRequest(sent)).toBeUndefined();
    link.makeRoom();
    expect(link.sent.map(({ type, messageId }) => [type, messageId])).toEqual([
      [REQUEST, sent],
      [CANCEL, sent],
    ]);
  });

  it('fail with the end, by whether the peer can have read them', async () => {
    const { channel, link } = channelOver(new HandLink());
    const [sent, queued] = [new Sink(), new Sink()];
    sendRequest(channel, sent);
    link.room = 0;
    sendRequest(channel, queued);
    channel.link.close();
    await new Promise((resolve) => process.nextTick(resolve));
    expect([sent.failures, queued.failures]).toEqual([['REPLY_LOST'], ['DISCONNECTED']]);
    expect(codeOf(() => channel.addRequest(new Sink(), Infinity))).toBe('DISCONNECTED');
  });

  it.each([
    ['local', 'REPLY_LOST'],
    ['ended', 'DISCONNECTED'],
  ] as const)('may run as long as somebody can read them: link has %s', async (kind, code) => {
    class UnreadLink extends HandLink {
      override wasConsumed(): boolean {
        return false;
      }
    }
    const { channel, link } = channelOver(new UnreadLink());
    const sink = new Sink();
    sendRequest(channel, sink);
    link.handler?.onEnd({ kind });
    expect(sink.failures).toEqual([code]);
  });

  it('that turn out too large for the memory there is fail alone', () => {
    const link = new HandLink({ sections: new HandSections(1000) });
    const { channel } = channelOver(link, { inlineLimit: 10 });
    link.room = 0;
    const sink = new Sink();
    const messageId = channel.addRequest(sink, Infinity);
    const head = { type: REQUEST, messageId, status: 0, flags: 0 };
    channel.send(head, [new Uint8Array(500)]);
    const other = new Sink();
    sendRequest(channel, other);
    link.sections!.failure = Object.assign(new TypeError('gone'));
    link.makeRoom();
    expect([sink.failures, other.failures]).toEqual([['INVALID_MESSAGE'], []]);
    expect(channel.activity).toBe(1);
  });
});

describe('close()', () => {
  it('says goodbye as soon as there is room for it', async () => {
    const { channel, seen, link } = channelOver(new HandLink());
    link.room = 0;
    channel.close(STATUS.ACCESS_DENIED.id);
    expect(link.hasEnded).toBe(false);
    expect(codeOf(() => channel.addRequest(new Sink(), Infinity))).toBe('DISCONNECTED');
    link.makeRoom();
    expect(link.sent[0]).toMatchObject({ type: CLOSE, status: STATUS.ACCESS_DENIED.id });
    await new Promise((resolve) => process.nextTick(resolve));
    expect(seen.closed).toEqual([{ reason: 'local', status: 'ACCESS_DENIED' }]);
  });
});
