import { describe, expect, it } from 'vitest';

import { PortAttributes, type CreatePortOptions } from '@portcall/port';

import { numberedBytes, patternBytes, sameBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

/** Of every attribute: the server's value, the client's, and the one that holds. */
const SIDES = {
  server: {
    maxMessageLength: 1000,
    inlineLimit: 900,
    maxConnectInfo: 100,
    maxPoolUsage: 7000,
    maxQueuedMessages: 7,
    maxSectionSize: 80_000,
    maxTotalSectionSize: 90_000,
    maxViewSize: 10_000,
    maxConnections: 5,
    maxConnectionsPerUid: 6,
    maxPendingConnects: 3,
    handshakeTimeoutMs: 4000,
    leaseMs: 3000,
    dupObjectTypes: ['file', 'pipe', 'socket'],
    allowImpersonation: 'impersonate',
    memoryBandwidth: 3 * 1024 * 1024,
  },
  client: {
    maxMessageLength: 2000,
    inlineLimit: 800,
    maxConnectInfo: 200,
    maxPoolUsage: 6000,
    maxQueuedMessages: 8,
    maxSectionSize: 70_000,
    maxTotalSectionSize: 95_000,
    maxViewSize: 9000,
    maxConnections: 50,
    maxConnectionsPerUid: 4,
    maxPendingConnects: 9,
    handshakeTimeoutMs: 4500,
    leaseMs: 2500,
    dupObjectTypes: ['directory', 'pipe', 'socket'],
    allowImpersonation: 'identify',
    memoryBandwidth: 2 * 1024 * 1024,
  },
} as const satisfies { server: PortAttributes; client: PortAttributes };

const EFFECTIVE = {
  maxMessageLength: 1000,
  inlineLimit: 800,
  maxConnectInfo: 100,
  maxPoolUsage: 6000,
  maxQueuedMessages: 7,
  maxSectionSize: 70_000,
  maxTotalSectionSize: 90_000,
  maxViewSize: 9000,
  maxConnections: 5,
  maxConnectionsPerUid: 4,
  maxPendingConnects: 3,
  handshakeTimeoutMs: 4000,
  leaseMs: 2500,
  dupObjectTypes: ['pipe', 'socket'],
  allowImpersonation: 'identify',
  memoryBandwidth: 2 * 1024 * 1024,
};

const DEFAULTS = {
  maxMessageLength: 64 * 1024,
  maxConnectInfo: 4096,
  maxPoolUsage: 4 * 1024 * 1024,
  maxQueuedMessages: 1024,
  maxSectionSize: 64 * 1024 * 1024,
  maxTotalSectionSize: 256 * 1024 * 1024,
  maxViewSize: 64 * 1024 * 1024,
  maxConnections: 1024,
  maxConnectionsPerUid: 256,
  maxPendingConnects: 16,
  handshakeTimeoutMs: 5000,
  leaseMs: 5000,
  dupObjectTypes: [],
  allowImpersonation: 'identify',
  memoryBandwidth: Infinity,
};

/** The limits of a port, and what holds between two that differ. */
export function describePortAttributes(subject: TransportUnderTest): void {
  describeEffective(subject);
  describeBadValues(subject);
  describeSectionLimits(subject);
}

function describeEffective(subject: TransportUnderTest): void {
  describe('port 3, attributes: what holds', () => {
    const world = usePortWorld(subject);

    it('is of each the smaller or common value, at both ends', async () => {
      const { server, client, accepted } = await world.pair({
        server: { attributes: SIDES.server },
        client: { attributes: SIDES.client },
      });
      expect(client.attributes).toEqual(EFFECTIVE);
      expect(accepted.attributes).toEqual(EFFECTIVE);
      expect(server.attributes).toEqual(SIDES.server);
    });

    it('is the same when the sides are exchanged', async () => {
      const { client, accepted } = await world.pair({
        server: { attributes: { ...SIDES.client, maxConnections: 5 } },
        client: { attributes: SIDES.server },
      });
      expect(client.attributes).toEqual(EFFECTIVE);
      expect(accepted.attributes).toEqual(EFFECTIVE);
    });

    it('is the documented default where nobody says otherwise', async () => {
      const { client, accepted } = await world.pair();
      expect(client.attributes).toMatchObject(DEFAULTS);
      expect(accepted.attributes).toEqual(client.attributes);
    });

    it('is what accept() says for one client, and the port’s for the next', async () => {
      let count = 0;
      const onConnect: CreatePortOptions['onConnect'] = (request) => {
        count++;
        request.accept(count === 1 ? { attributes: { maxMessageLength: 10, leaseMs: 77 } } : {});
      };
      const { client, accepted } = await world.pair({ server: { onConnect, onMessage: echo } });
      expect(client.attributes).toMatchObject({ ...DEFAULTS, maxMessageLength: 10, leaseMs: 77 });
      expect(accepted.attributes).toEqual(client.attributes);
      await expectCode(client.request(new Uint8Array(11)), 'MESSAGE_TOO_LONG');
      expect((await client.request(new Uint8Array(10))).length).toBe(10);
      const next = await world.connect();
      expect(next.attributes).toMatchObject(DEFAULTS);
    });

    it('cannot be raised by accept() over what the client said', async () => {
      const { client } = await world.pair({
        server: {
          onConnect: (request) => request.accept({ attributes: { maxMessageLength: 1_000_000 } }),
        },
        client: { attributes: { maxMessageLength: 500 } },
      });
      expect(client.attributes.maxMessageLength).toBe(500);
    });

    it('with PortAttributes.nt is 256 bytes inline, and 257 by section', async () => {
      const { client, accepted } = await world.pair({
        server: { attributes: PortAttributes.nt, onMessage: echo },
        client: { attributes: PortAttributes.nt },
      });
      expect(client.attributes.inlineLimit).toBe(256);
      const sections = client.capabilities.sections ? 1 : 0;
      const data = [patternBytes(256), patternBytes(257)];
      expect(sameBytes(await client.request(data[0]!), data[0]!)).toBe(true);
      expect(client.statistics).toMatchObject({ sentInline: 1, sentSection: 0 });
      expect(accepted.statistics).toMatchObject({ sentInline: 1, sentSection: 0 });
      expect(sameBytes(await client.request(data[1]!), data[1]!)).toBe(true);
      const wanted = { sentInline: 2 - sections, sentSection: sections };
      expect(client.statistics).toMatchObject(wanted);
      expect(accepted.statistics).toMatchObject(wanted);
    });

    it('leaves name and transport readable', async () => {
      const { server, client, accepted } = await world.pair();
      expect(server.name).toBe(PORT_NAME);
      expect([server.transportName, client.transportName, accepted.transportName]).toEqual([
        subject.name,
        subject.name,
        subject.name,
      ]);
      expect(server.fallbackReason).toBe(undefined);
    });
  });
}

function describeBadValues(subject: TransportUnderTest): void {
  describe('port 3, attributes: a RangeError at both ends', () => {
    const world = usePortWorld(subject);

    it.each([
      ['0', { maxMessageLength: 0 }],
      ['negative', { inlineLimit: -1 }],
      ['fractional', { maxPoolUsage: 1.5 }],
      ['NaN', { maxQueuedMessages: Number.NaN }],
      ['infinite', { maxViewSize: Infinity }],
      ['over 2 GiB', { maxSectionSize: 2 ** 31 }],
      ['over 60 KiB of connect info', { maxConnectInfo: 60 * 1024 + 1 }],
      ['a handshake of no time', { handshakeTimeoutMs: 0 }],
      ['a lease of no time', { leaseMs: 0 }],
      ['less than 1 KiB per second', { memoryBandwidth: 1023 }],
      ['a bandwidth of NaN', { memoryBandwidth: Number.NaN }],
      ['an unknown handle type', { dupObjectTypes: ['file', 'device'] as never }],
      ['an unknown level', { allowImpersonation: 'delegate' as never }],
    ])('is what %s is', async (_, attributes) => {
      const [created, connected] = [
        world.createPort({ attributes }),
        world.connect({ attributes }),
      ];
      expect(await rejectionOf('createPort', created)).toBeInstanceOf(RangeError);
      expect(await rejectionOf('connectPort', connected)).toBeInstanceOf(RangeError);
    });

    it.each([0, 2048, 5000, 2 ** 25, Number.NaN])('is what ringBytes of %s are', async (bytes) => {
      const server = await rejectionOf('createPort', world.createPort({ ringBytes: bytes }));
      expect(server).toBeInstanceOf(RangeError);
      await world.createPort();
      const client = await rejectionOf('connectPort', world.connect({ ringBytes: bytes }));
      expect(client).toBeInstanceOf(RangeError);
    });

    it('is what accept() throws, and a decision can still be made', async () => {
      let thrown: unknown;
      await world.pair({
        server: {
          onConnect: (request) => {
            try {
              request.accept({ attributes: { leaseMs: -1 } });
            } catch (error) {
              thrown = error;
            }
            request.accept();
          },
        },
      });
      expect(thrown).toBeInstanceOf(RangeError);
    });

    it('is a TypeError for a wanted attribute that there is not', async () => {
      const wants = ['deadline', 'priority'] as never;
      const server = await rejectionOf('createPort', world.createPort({ wants }));
      await world.createPort();
      const client = await rejectionOf('connectPort', world.connect({ wants }));
      for (const error of [server, client]) expect(error).toBeInstanceOf(TypeError);
    });
  });
}

function describeSectionLimits(subject: TransportUnderTest): void {
  describe('port 3, attributes: limits of sections', () => {
    const world = usePortWorld(subject);

    it('maxSectionSize bounds a message where it would need a larger section', async () => {
      const attributes = { maxMessageLength: 400_000, maxSectionSize: 100_000, inlineLimit: 4096 };
      const { client } = await world.pair({
        server: { attributes, onMessage: echo },
        client: { attributes },
      });
      const limit = client.capabilities.sections ? 100_000 : 400_000;
      expect((await client.request(new Uint8Array(limit))).length).toBe(limit);
      const error = await expectCode(client.request(new Uint8Array(limit + 1)), 'MESSAGE_TOO_LONG');
      expect(error.message).toContain(`${limit + 1} bytes, limit is ${limit} bytes`);
    });

    it('maxTotalSectionSize lets what does not fit wait, and all arrives in order', async () => {
      const attributes = {
        maxMessageLength: 50_000,
        maxSectionSize: 50_000,
        maxTotalSectionSize: 120_000,
        inlineLimit: 1024,
      };
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: { attributes, onMessage },
        client: { attributes },
      });
      await Promise.all(
        Array.from({ length: 40 }, (_, index) => client.send(numberedBytes(index, 50_000))),
      );
      await waitUntil('all messages', () => held.length === 40);
      const isRight = held.map(({ data }, index) => sameBytes(data, numberedBytes(index, 50_000)));
      expect(new Set(isRight)).toEqual(new Set([true]));
    });

    it('memoryBandwidth slows down what goes by section, and nothing else', async () => {
      const attributes = { memoryBandwidth: 512 * 1024, inlineLimit: 16 * 1024 };
      const { client } = await world.pair({
        server: { attributes, onMessage: echo },
        client: { attributes },
      });
      const startedAt = performance.now();
      for (let count = 0; count < 5; count++) await client.send(new Uint8Array(64 * 1024));
      const elapsedMs = performance.now() - startedAt;
      // The burst, a tenth of a second's worth, is free; the last message waits for those before.
      const bytes = 4 * 64 * 1024 - 0.1 * 512 * 1024;
      if (client.capabilities.sections) {
        expect(elapsedMs).toBeGreaterThanOrEqual((bytes / (512 * 1024)) * 1000 - 5);
        expect(client.statistics.sentSection).toBe(5);
      } else {
        expect(client.statistics.sentSection).toBe(0);
      }
      expect((await client.request(textBytes('short'))).length).toBe(5);
    });
  });
}
