/*
 * Memory of a client, reached through two channels that are joined in memory: in pieces as long as a
 * message may be.
 */
import { MESSAGE_TYPE, type MessageId } from '@portcall/wire';
import { createMemoryTransport, type Link } from '@portcall/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { HandLink } from '../test/support/hand-link.js';
import { completeAttributes } from './attributes.js';
import type { AnnouncedRange } from './incoming-attributes.js';
import type { MemoryRange } from './outgoing-attributes.js';
import { PortChannel } from './port-channel.js';
import { RangeAccess } from './range-access.js';

const { REQUEST } = MESSAGE_TYPE;

async function linkPair(): Promise<readonly [Link, Link]> {
  const transport = createMemoryTransport();
  const options = { ringBytes: 4096, handshakeTimeoutMs: 5000, spin: false };
  const limits = { ...options, maxSectionSize: 1, maxTotalSectionSize: 1 };
  const accepted = new Promise<Link>((resolve) => {
    void transport.listen('range', {
      ...limits,
      mode: 0o600,
      pendingConnectsMax: 1,
      busyPayload: new Uint8Array(0),
      onIncoming: (incoming) => resolve(incoming.accept(new Uint8Array(0))),
    });
  });
  const outgoing = await transport.connect('range', limits);
  const { link } = await outgoing.request(new Uint8Array(0));
  return [link!, await accepted];
}

/** A client whose request lets a server reach these ranges, and the server's access to them. */
async function world(ranges: readonly MemoryRange[], maxMessageLength = 100) {
  const [clientLink, serverLink] = await linkPair();
  const attributes = completeAttributes({ maxMessageLength });
  const client = new PortChannel(clientLink, { attributes, portName: 'client' });
  const server = new PortChannel(serverLink, { attributes, portName: 'server' });
  const closed: string[] = [];
  for (const channel of [client, server]) {
    channel.start({
      onRequest: () => undefined,
      onDatagram: () => undefined,
      onClosed: ({ reason }) => closed.push(reason),
    });
  }
  const sink = { ranges, onReply: () => undefined, onFailure: () => undefined };
  const id = client.addRequest(sink, Infinity);
  client.send({ type: REQUEST, messageId: id, status: 0, flags: 0 }, []);
  const announced: AnnouncedRange[] = ranges.map(({ bytes, access = 'read' }) => ({
    lengthBytes: bytes.length,
    isReadable: access !== 'write',
    isWritable: access !== 'read',
  }));
  return { client, server, closed, id, access: new RangeAccess(server, id, announced) };
}

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { code, name } = error as { readonly code?: string; readonly name: string };
    return code ?? name;
  }
  return 'nothing thrown';
}

describe('RangeAccess', () => {
  it('reads and writes any part, however many pieces it takes', async () => {
    const part = fc.record({ offset: fc.nat(3000), length: fc.nat(3000), isWrite: fc.boolean() });
    const pieces = fc.oneof(fc.integer({ min: 25, max: 200 }), fc.constant(65_536));
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), pieces, async (parts, longest) => {
        const bytes = numbered(5000);
        const model = bytes.slice();
        const { access, client } = await world([{ bytes, access: 'both' }], longest);
        for (const { offset, length, isWrite } of parts) {
          const count = Math.min(length, 5000 - offset);
          if (isWrite) {
            const written = numbered(count).fill(length % 250);
            model.set(written, offset);
            await access.write(0, written, offset);
          } else {
            const read = await access.read(0, { offset, length: count });
            expect(read).toEqual(model.slice(offset, offset + count));
          }
        }
        expect(bytes).toEqual(model);
        // Nothing but the one request is left.
        expect(client.activity).toBe(1);
      }),
      { numRuns: 30 },
    );
  });

  it('reads all of a range, or the rest of it, by default', async () => {
    const { access } = await world([{ bytes: numbered(3) }, { bytes: numbered(350) }]);
    expect(await access.read(1)).toEqual(numbered(350));
    expect(await access.read(1, { offset: 349 })).toEqual(Uint8Array.of(349 % 251));
    expect(await access.read(1, { offset: 350 })).toEqual(new Uint8Array(0));
    expect(await access.read(0, { length: 2 })).toEqual(Uint8Array.of(0, 1));
  });

  it.each([
    ['behind the end', 0, { offset: 11 }],
    ['over the end', 0, { offset: 5, length: 6 }],
    ['before the beginning', 0, { offset: -1, length: 1 }],
    ['of a negative length', 0, { offset: 5, length: -1 }],
    ['at half a byte', 0, { offset: 0.5, length: 1 }],
    ['of 2^53 bytes', 0, { offset: 1, length: 2 ** 53 }],
    ['at NaN', 0, { offset: NaN, length: 1 }],
    ['of a range that there is not', 1, {}],
    ['of range −1', -1, {}],
  ])('throws RangeError for a part %s, and asks nothing', async (_, index, part) => {
    const link = new HandLink();
    const attributes = completeAttributes();
    const channel = new PortChannel(link, { attributes, portName: 'test' });
    const range = { lengthBytes: 10, isReadable: true, isWritable: true };
    const access = new RangeAccess(channel, 1 as MessageId, [range]);
    expect(await failure(access.read(index, part))).toBe('RangeError');
    const { offset = 0, length = 11 } = part as { offset?: number; length?: number };
    if (length >= 0 && length < 100) {
      const written = access.write(index, new Uint8Array(length), offset);
      expect(await failure(written)).toBe('RangeError');
    }
    expect(link.sent).toEqual([]);
  });

  it('throws ACCESS_DENIED for what the client does not allow', async () => {
    const { access } = await world([
      { bytes: numbered(5), access: 'write' },
      { bytes: numbered(5), access: 'read' },
    ]);
    expect(await failure(access.read(0))).toBe('ACCESS_DENIED');
    expect(await failure(access.write(1, new Uint8Array(1)))).toBe('ACCESS_DENIED');
  });

  it('throws CANCELED when the request is settled meanwhile', async () => {
    const { access, client, id } = await world([{ bytes: numbered(5) }]);
    client.abandonRequest(id);
    expect(await failure(access.read(0))).toBe('CANCELED');
  });

  it('throws INVALID_MESSAGE when the memory has shrunk meanwhile', async () => {
    const bytes = numbered(50);
    const { access } = await world([{ bytes }]);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
    expect(await failure(access.read(0))).toBe('INVALID_MESSAGE');
  });

  it('throws REPLY_LOST when the connection ends meanwhile, and DISCONNECTED after', async () => {
    const { access, server, closed } = await world([{ bytes: numbered(5000) }]);
    const reading = access.read(0);
    server.link.close();
    expect(['REPLY_LOST', 'DISCONNECTED']).toContain(await failure(reading));
    expect(closed.length).toBeGreaterThan(0);
    expect(await failure(access.read(0))).toBe('DISCONNECTED');
    expect(server.activity).toBe(0);
  });

  it.each([23, 24])('throws MESSAGE_TOO_LONG where messages have %i bytes', async (longest) => {
    const { access } = await world([{ bytes: numbered(5), access: 'both' }], longest);
    expect(await failure(access.write(0, numbered(5)))).toBe('MESSAGE_TOO_LONG');
  });

  it('asks for eight pieces at once, and no more', async () => {
    const link = new HandLink();
    const attributes = completeAttributes({ maxMessageLength: 100 });
    const channel = new PortChannel(link, { attributes, portName: 'test' });
    const ranges = [{ lengthBytes: 5000, isReadable: true, isWritable: false }];
    const reading = new RangeAccess(channel, 7 as MessageId, ranges).read(0);
    channel.start({ onRequest() {}, onDatagram() {}, onClosed() {} });
    expect(link.sent).toHaveLength(8);
    expect(link.sent.every(({ callbackId }) => callbackId === 7)).toBe(true);
    const offsets = link.sent.map(({ data }) => data[8]! + 256 * data[9]!);
    expect(offsets).toEqual([0, 100, 200, 300, 400, 500, 600, 700]);
    channel.link.close();
    expect(await failure(reading)).toBe('REPLY_LOST');
  });

  it('does not take an answer of another length', async () => {
    const link = new HandLink();
    const channel = new PortChannel(link, { attributes: completeAttributes(), portName: 'test' });
    channel.start({ onRequest() {}, onDatagram() {}, onClosed() {} });
    const ranges = [{ lengthBytes: 4, isReadable: true, isWritable: false }];
    for (const length of [3, 5]) {
      const reading = new RangeAccess(channel, 7 as MessageId, ranges).read(0);
      const { messageId } = link.sent.at(-1)!;
      link.deliver({ type: MESSAGE_TYPE.REPLY, messageId }, new Uint8Array(length));
      expect(await failure(reading)).toBe('INVALID_MESSAGE');
    }
  });
});
