import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DIAGNOSTICS, connectChannel } from '@portcall/port';

import { textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

type EventName = keyof typeof DIAGNOSTICS;

interface Event {
  readonly name: EventName;
  readonly event: Record<string, unknown>;
}

/** What can be seen of ports from outside. */
export function describeObserving(subject: TransportUnderTest): void {
  describeDiagnostics(subject);
  describeStatistics(subject);
}

/** A list of all events of a test, as they come. */
function watchEvents(): Event[] {
  const events: Event[] = [];
  const listeners = Object.entries(DIAGNOSTICS).map(([name, channelName]) => {
    const listener = (event: unknown): void => {
      events.push({ name: name as EventName, event: event as Event['event'] });
    };
    return { channelName, listener };
  });
  beforeEach(() => {
    for (const { channelName, listener } of listeners) subscribe(channelName, listener);
  });
  afterEach(() => {
    for (const { channelName, listener } of listeners) unsubscribe(channelName, listener);
    events.splice(0);
  });
  return events;
}

function describeDiagnostics(subject: TransportUnderTest): void {
  describe('port 20, diagnostics: events', () => {
    const events = watchEvents();
    const world = usePortWorld(subject);
    const named = (name: EventName): Event['event'][] =>
      events.filter((one) => one.name === name).map(({ event }) => event);
    const pid = subject.hasIdentity ? process.pid : undefined;

    /** What all events state. */
    function expectSubject(event: Event['event'] | undefined): void {
      expect(event?.['portName']).toBe(PORT_NAME);
      const peer = event?.['peer'] as { pid: number } | undefined;
      expect(peer?.pid).toBe(pid);
    }

    it('connect and accept: one of each per connection, with the transport', async () => {
      await world.pair();
      await world.connect();
      for (const name of ['connect', 'accept'] as const) {
        expect(named(name).length).toBe(2);
        expectSubject(named(name)[0]);
        expect(Object.keys(named(name)[0]!)).toEqual(['portName', 'peer', 'transportName']);
        expect(named(name)[0]!['transportName']).toBe(subject.name);
      }
    });

    it('reject: with the code, whoever refuses', async () => {
      const server = await world.createPort({
        onConnect: (request) => request.reject(textBytes('no')),
      });
      await expectCode(world.connect(), 'CONNECTION_REFUSED');
      server.setAcl([]);
      await expectCode(world.connect(), 'ACCESS_DENIED');
      expect(named('reject').map(({ code }) => code)).toEqual([
        'CONNECTION_REFUSED',
        'ACCESS_DENIED',
      ]);
      for (const event of named('reject')) expectSubject(event);
      expect(named('accept')).toEqual([]);
    });

    it('request and reply: at both ends, with id, length and role', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      await client.request(new Uint8Array(5));
      await client.send(new Uint8Array(7));
      await client.flush();
      const common = { portName: PORT_NAME, messageId: 1, bytes: 5 };
      expect(named('request')).toMatchObject([
        { ...common, role: 'client' },
        { ...common, role: 'server' },
      ]);
      expect(named('reply')).toMatchObject([
        { ...common, role: 'server', code: undefined },
        { ...common, role: 'client', code: undefined },
      ]);
      for (const event of [...named('request'), ...named('reply')]) expectSubject(event);
    });

    it('request: with the length of data that goes by section as well', async () => {
      const { client } = await world.pair({ server: { onMessage: echo } });
      await client.request(new Uint8Array(50_000));
      const lengths = [...named('request'), ...named('reply')].map(({ bytes }) => bytes);
      expect(lengths).toEqual([50_000, 50_000, 50_000, 50_000]);
    });

    it('reply: with the code of an error, at both ends', async () => {
      const { client } = await world.pair({
        server: { onMessage: (message) => void message.fail('SERVER_BUSY', 'Cannot serve') },
      });
      await expectCode(client.request(textBytes('?')), 'SERVER_BUSY');
      expect(named('reply').map(({ code, role }) => [code, role])).toEqual([
        ['SERVER_BUSY', 'server'],
        ['SERVER_BUSY', 'client'],
      ]);
    });

    it('death: one at each end, with the reason', async () => {
      const { client, accepted } = await world.pair();
      await client.close();
      await within('the other end', accepted.closed);
      expect(named('death').map(({ closed }) => closed)).toEqual(
        expect.arrayContaining([{ reason: 'local' }, { reason: 'closed' }]),
      );
      expect(named('death').length).toBe(2);
      for (const event of named('death')) expectSubject(event);
    });

    it('protocol-error: what the peer did, and the death that follows', async () => {
      const server = await world.createPort();
      const { channel: raw } = await connectChannel(PORT_NAME, world.meeting);
      raw.start({
        onRequest: () => undefined,
        onDatagram: () => undefined,
        onClosed: () => undefined,
      });
      const [accepted] = server.connections;
      const claim = raw.link.tryClaim(64);
      claim!.bytes.fill(0xff, claim!.offset, claim!.offset + 64);
      raw.link.commit(64);
      const closed = await within('the end', accepted!.closed);
      expect(closed.reason).toBe('violation');
      expect(named('protocolError').length).toBe(1);
      expectSubject(named('protocolError')[0]);
      expect(named('protocolError')[0]!['text']).toBe('text' in closed ? closed.text : '');
      expect(named('death')[0]!['closed']).toEqual(closed);
      raw.close(0);
      await waitUntil('the other end', () => raw.closed !== undefined);
    });
  });

  describe('port 20, diagnostics: nobody subscribed', () => {
    const world = usePortWorld(subject);

    it('nothing is published', async () => {
      // A channel without subscribers has no publish() of its own; were it called, this would be.
      let published = 0;
      const channels = Object.values(DIAGNOSTICS).map((name) => channel(name));
      for (const one of channels) {
        Object.defineProperty(one, 'publish', { configurable: true, value: () => published++ });
      }
      try {
        const { client, accepted } = await world.pair({ server: { onMessage: echo } });
        await client.request(textBytes('?'));
        await client.close();
        await within('the other end', accepted.closed);
        expect(channels.some(({ hasSubscribers }) => hasSubscribers)).toBe(false);
        expect(published).toBe(0);
      } finally {
        for (const one of channels) Reflect.deleteProperty(one, 'publish');
      }
    });
  });
}

function describeStatistics(subject: TransportUnderTest): void {
  describe('port 20, statistics', () => {
    const world = usePortWorld(subject);

    it('of a connection count messages and bytes, each way and mode', async () => {
      const { client, accepted } = await world.pair({ server: { onMessage: echo } });
      const bySection = client.capabilities.sections ? 1 : 0;
      await client.request(new Uint8Array(100));
      await client.request(new Uint8Array(50_000));
      const wanted = {
        sentInline: 2 - bySection,
        sentSection: bySection,
        sentBytes: 50_100,
        received: 2,
        receivedBytes: 50_100,
        queued: 0,
        untaken: 0,
        refused: 0,
      };
      expect(client.statistics).toEqual(wanted);
      expect(accepted.statistics).toEqual(wanted);
    });

    it('of a connection tell what waits, and what was refused', async () => {
      const attributes = { maxQueuedMessages: 2 };
      const { server, client, accepted } = await world.pair({
        server: { attributes },
        client: { attributes },
      });
      const sent = [1, 2, 3].map((length) => client.send(new Uint8Array(length)));
      await waitUntil('two messages', () => accepted.statistics.untaken === 2);
      expect([client.statistics.queued, accepted.statistics.queued]).toEqual([1, 0]);
      while ((await server.receive())!.data.length < 3);
      await Promise.all(sent);
      expect([client.statistics.queued, accepted.statistics.untaken]).toEqual([0, 0]);
      server.setAcl([{ action: 'allow', rights: ['connect'] }]);
      await expectCode(client.request(textBytes('?')), 'ACCESS_DENIED');
      expect(accepted.statistics.refused).toBe(1);
    });

    it('of a port are the sums of its connections, those that have ended too', async () => {
      const { held, onMessage } = holding();
      const server = await world.createPort({ onMessage });
      const none = { connections: 0, accepted: 0, received: 0, receivedBytes: 0 };
      expect(server.statistics).toMatchObject(none);
      const clients = [await world.connect(), await world.connect()];
      for (const client of clients) await client.send(new Uint8Array(10));
      await waitUntil('both messages', () => held.length === 2);
      const both = { connections: 2, accepted: 2, received: 2, receivedBytes: 20 };
      expect(server.statistics).toMatchObject(both);
      await clients[0]!.close();
      await waitUntil('one connection', () => server.connections.size === 1);
      const after = server.statistics;
      expect(after).toMatchObject({ connections: 1, accepted: 2, receivedBytes: 20, untaken: 0 });
      await world.connect();
      expect(server.statistics).toMatchObject({ connections: 2, accepted: 3 });
    });
  });
}
