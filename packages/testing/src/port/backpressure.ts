import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { describe, expect, it } from 'vitest';

import { DIAGNOSTICS, type CommunicationPort, type ConnectionPort } from '@portcall/port';

import { numberOf, numberedBytes, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

/** Bounded memory: credit, floods, and turns. */
export function describeBackpressure(subject: TransportUnderTest): void {
  describeCredit(subject);
  describeFloods(subject);
  describeTurns(subject);
}

/** Takes messages of a port that have come. */
async function take(server: ConnectionPort, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let index = 0; index < count; index++) {
    const message = await within('a message', server.receive());
    numbers.push(numberOf(message!.data));
  }
  return numbers;
}

function describeCredit(subject: TransportUnderTest): void {
  describe('port 19, backpressure: credit', () => {
    const world = usePortWorld(subject);

    it('in messages: so many may be untaken, then trySend() is false', async () => {
      const options = { attributes: { maxQueuedMessages: 4 } };
      const { server, client, accepted } = await world.pair({ server: options, client: options });
      const trySend = (number: number): boolean => client.trySend(numberedBytes(number, 8));
      expect([1, 2, 3, 4, 5].map(trySend)).toEqual([true, true, true, true, false]);
      await waitUntil('all to arrive', () => accepted.statistics.untaken === 4);
      expect(trySend(6)).toBe(false);
      // Credit comes back when half of it was taken.
      expect(await take(server, 2)).toEqual([1, 2]);
      await waitUntil('credit', () => trySend(7));
      expect([trySend(8), trySend(9)]).toEqual([true, false]);
      expect(await take(server, 4)).toEqual([3, 4, 7, 8]);
    });

    it('in bytes: the last message may go over them, the next one waits', async () => {
      const options = { attributes: { maxPoolUsage: 10_000 } };
      const { server, client } = await world.pair({ server: options, client: options });
      const trySend = (number: number): boolean => client.trySend(numberedBytes(number, 4000));
      expect([1, 2, 3, 4].map(trySend)).toEqual([true, true, true, false]);
      expect(await take(server, 2)).toEqual([1, 2]);
      await waitUntil('credit', () => trySend(5));
      expect(await take(server, 2)).toEqual([3, 5]);
    });

    it('is each direction’s own, and the smaller of both sides’ limits', async () => {
      const { client, accepted } = await world.pair({
        server: { attributes: { maxQueuedMessages: 3 } },
        client: { attributes: { maxQueuedMessages: 9 } },
      });
      for (const port of [client, accepted]) {
        const sent = [1, 2, 3, 4].map((number) => port.trySend(numberedBytes(number, 8)));
        expect(sent).toEqual([true, true, true, false]);
      }
    });

    it('is waited for by send() and request(), in their order', async () => {
      const options = { attributes: { maxQueuedMessages: 4 } };
      const { server, client } = await world.pair({ server: options, client: options });
      const settled: number[] = [];
      const sent = [1, 2, 3, 4, 5, 6, 7].map(async (number) => {
        await client.send(numberedBytes(number, 8));
        settled.push(number);
      });
      const replied = client.request(numberedBytes(8, 8));
      await take(server, 1);
      expect(settled).toEqual([1, 2, 3, 4]);
      expect(await take(server, 6)).toEqual([2, 3, 4, 5, 6, 7]);
      const message = await server.receive();
      await message!.reply(message!.data);
      expect(numberOf(await replied)).toBe(8);
      await Promise.all(sent);
      expect(settled).toEqual([1, 2, 3, 4, 5, 6, 7]);
    });

    it('of a datagram comes back when its handler is done', async () => {
      const options = { attributes: { maxQueuedMessages: 2 } };
      const finish: (() => void)[] = [];
      const { client } = await world.pair({
        client: options,
        server: {
          ...options,
          onMessage: () => new Promise<void>((resolve) => finish.push(resolve)),
        },
      });
      expect([1, 2, 3].map((n) => client.trySend(numberedBytes(n, 8)))).toEqual([
        true,
        true,
        false,
      ]);
      await waitUntil('both handlers', () => finish.length === 2);
      expect(client.trySend(numberedBytes(4, 8))).toBe(false);
      finish[0]!();
      await waitUntil('credit', () => client.trySend(numberedBytes(5, 8)));
      await waitUntil('a third handler', () => finish.length === 3);
      for (const end of finish) end();
    });

    it('is not needed by replies: two sides without any answer each other', async () => {
      const options = { attributes: { maxQueuedMessages: 3 } };
      const { client, accepted } = await world.pair({
        server: { ...options, onMessage: echo },
        client: { ...options, onMessage: echo },
      });
      const numbers = Array.from({ length: 6 }, (_, index) => index);
      for (let round = 0; round < 20; round++) {
        const ask = (port: CommunicationPort): Promise<Uint8Array[]> =>
          Promise.all(numbers.map((number) => port.request(numberedBytes(number, 3000))));
        const both = Promise.all([ask(client), ask(accepted)]);
        for (const list of await within('all replies', both)) {
          expect(list.map(numberOf)).toEqual(numbers);
        }
      }
    });

    it('used up, with the queue as well, is QUOTA_EXCEEDED; what is queued arrives', async () => {
      const options = { attributes: { maxQueuedMessages: 4 } };
      const { server, client } = await world.pair({ server: options, client: options });
      const sent = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => client.send(numberedBytes(n, 8)));
      expect(client.statistics.queued).toBe(4);
      for (const refused of [client.send(textBytes('no')), client.request(textBytes('no'))]) {
        const error = await expectCode(refused, 'QUOTA_EXCEEDED');
        expect([error.executed, error.retryAfterMs! > 0]).toEqual(['no', true]);
      }
      expect(await take(server, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      await Promise.all(sent);
      await client.send(numberedBytes(9, 8));
      expect(await take(server, 1)).toEqual([9]);
    });

    it('bounds what a reader that has stopped makes anybody keep', async () => {
      const options = { attributes: { maxQueuedMessages: 50, maxPoolUsage: 200_000 } };
      const { server, client, accepted } = await world.pair({ server: options, client: options });
      const outcomes = Promise.allSettled(
        Array.from({ length: 5000 }, (_, index) => client.send(numberedBytes(index, 10_000))),
      );
      expect(client.statistics.queued).toBeLessThanOrEqual(20);
      await waitUntil('what may come', () => accepted.statistics.untaken === 20);
      const { queued } = client.statistics;
      expect(queued).toBe(20);
      expect(accepted.statistics.receivedBytes).toBe(200_000);
      expect(await take(server, 40)).toEqual(Array.from({ length: 40 }, (_, index) => index));
      const kinds = (await outcomes).filter(({ status }) => status === 'fulfilled');
      expect(kinds.length).toBe(40);
    });
  });
}

function describeFloods(subject: TransportUnderTest): void {
  describe('port 19, backpressure: floods', () => {
    const world = usePortWorld(subject);

    /** Runs a test and gives the warnings and quota events of floods meanwhile. */
    async function watchFloods(
      run: (warnings: string[], events: unknown[]) => Promise<void>,
    ): Promise<void> {
      const warnings: string[] = [];
      const events: unknown[] = [];
      const onWarning = (warning: Error): void => {
        if (warning.name === 'PortcallFloodWarning') warnings.push(warning.message);
      };
      const onQuota = (event: unknown): void => void events.push(event);
      process.on('warning', onWarning);
      subscribe(DIAGNOSTICS.quota, onQuota);
      try {
        await run(warnings, events);
      } finally {
        process.off('warning', onWarning);
        unsubscribe(DIAGNOSTICS.quota, onQuota);
      }
    }

    const LIMITS = { attributes: { maxQueuedMessages: 100 } };

    async function sendMany(client: CommunicationPort, count: number): Promise<void> {
      for (let number = 0; number < count; number++) {
        expect(client.trySend(numberedBytes(number, 8))).toBe(true);
      }
      await client.flush();
    }

    it('are told once per burst, when less than a fifth of the space is left', async () => {
      await watchFloods(async (warnings, events) => {
        const { server, client } = await world.pair({ server: LIMITS, client: LIMITS });
        await sendMany(client, 80);
        await new Promise((resolve) => setImmediate(resolve));
        expect([warnings.length, events.length]).toEqual([0, 0]);
        await sendMany(client, 20);
        await waitUntil('the warning', () => warnings.length > 0);
        expect([warnings.length, events.length]).toEqual([1, 1]);
        expect(warnings[0]).toContain(`Port "${PORT_NAME}" is flooded`);
        expect(events[0]).toMatchObject({ portName: PORT_NAME, what: 'flood', messages: 81 });
        await take(server, 100);
        await client.flush();
        await sendMany(client, 100);
        await waitUntil('the second warning', () => warnings.length > 1);
        expect([warnings.length, events.length]).toEqual([2, 2]);
      });
    });

    it('are told of bytes as well, with few messages', async () => {
      await watchFloods(async (warnings, events) => {
        const limits = { attributes: { maxPoolUsage: 100_000 } };
        const { client } = await world.pair({ server: limits, client: limits });
        for (let number = 0; number < 9; number++) client.trySend(numberedBytes(number, 10_000));
        await client.flush();
        await waitUntil('the warning', () => warnings.length > 0);
        expect(events).toMatchObject([{ what: 'flood', messages: 9, bytes: 90_000 }]);
      });
    });

    it('are not told of a queue that is small, however full it is', async () => {
      await watchFloods(async (warnings, events) => {
        const limits = { attributes: { maxQueuedMessages: 50 } };
        const { client } = await world.pair({ server: limits, client: limits });
        await sendMany(client, 50);
        await new Promise((resolve) => setImmediate(resolve));
        expect([warnings.length, events.length]).toEqual([0, 0]);
      });
    });

    it('are told at the sender when it is refused', async () => {
      await watchFloods(async (_, events) => {
        const limits = { attributes: { maxQueuedMessages: 2 } };
        const { client } = await world.pair({ server: limits, client: limits });
        const sent = [1, 2, 3, 4, 5].map((number) => client.send(numberedBytes(number, 8)));
        const outcomes = Promise.allSettled(sent);
        await expectCode(sent[4]!, 'QUOTA_EXCEEDED');
        expect(events).toMatchObject([
          { portName: PORT_NAME, what: 'refused', messages: 2, bytes: 16 },
        ]);
        client.abort();
        await outcomes;
      });
    });
  });
}

function describeTurns(subject: TransportUnderTest): void {
  describe('port 19, backpressure: turns', () => {
    const world = usePortWorld(subject);

    /** Clients that have sent each its messages, and the server that has them all. */
    async function fill(sizes: readonly (readonly number[])[]): Promise<ConnectionPort> {
      const limits = { attributes: { maxPoolUsage: 16 * 1024 * 1024 } };
      const server = await world.createPort(limits);
      for (const [index, list] of sizes.entries()) {
        const client = await world.connect(limits);
        for (const size of list) await client.send(numberedBytes(index, size));
        await client.flush();
      }
      return server;
    }

    /** Whose turn it was, with how many messages and bytes, until all is taken. */
    async function turns(
      server: ConnectionPort,
      count: number,
    ): Promise<[number, number, number][]> {
      const list: [number, number, number][] = [];
      for (let index = 0; index < count; index++) {
        const { data } = (await within('a message', server.receive()))!;
        const who = numberOf(data);
        const last = list.at(-1);
        if (last?.[0] === who) {
          last[1]++;
          last[2] += data.length;
        } else {
          list.push([who, 1, data.length]);
        }
      }
      return list;
    }

    it('end after 32 messages, while others wait', async () => {
      const server = await fill([Array(100).fill(10), Array(70).fill(10), Array(5).fill(10)]);
      const list = await turns(server, 175);
      expect(list.map(([who, messages]) => `${who}: ${messages}`)).toEqual([
        '0: 32',
        '1: 32',
        '2: 5',
        '0: 32',
        '1: 32',
        '0: 32',
        '1: 6',
        '0: 4',
      ]);
    });

    it('end after 64 KiB, and what goes over is owed', async () => {
      const server = await fill([Array(12).fill(48 * 1024), Array(200).fill(100)]);
      const list = await turns(server, 212);
      const ofLong = list.filter(([who]) => who === 0).map(([, , bytes]) => bytes);
      const whileOthers = ofLong.slice(0, 6);
      expect(Math.max(...whileOthers)).toBeLessThanOrEqual((64 + 48) * 1024);
      const total = whileOthers.reduce((sum, bytes) => sum + bytes, 0);
      expect(total).toBeLessThanOrEqual(6 * 64 * 1024 + 48 * 1024);
      const ofShort = list.filter(([who]) => who === 1).map(([, messages]) => messages);
      expect(ofShort.slice(0, 6)).toEqual([32, 32, 32, 32, 32, 32]);
    });

    it('keep the order of each connection', async () => {
      const server = await world.createPort();
      const clients = [await world.connect(), await world.connect(), await world.connect()];
      for (let number = 0; number < 100; number++) {
        for (const client of clients) await client.send(numberedBytes(number, 8 + number));
      }
      for (const client of clients) await client.flush();
      const seen = new Map<unknown, number[]>();
      for (let count = 0; count < 300; count++) {
        const message = await within('a message', server.receive());
        const list = seen.get(message!.port) ?? [];
        seen.set(message!.port, list);
        list.push(numberOf(message!.data));
      }
      const wanted = Array.from({ length: 100 }, (_, index) => index);
      expect([...seen.values()]).toEqual([wanted, wanted, wanted]);
    });

    it('come soon to one request beside a flood', async () => {
      const server = await fill([Array(900).fill(10)]);
      const other = await world.connect();
      const replied = other.request(numberedBytes(7, 8));
      await waitUntil('the request', () => {
        return [...server.connections].some(({ statistics }) => statistics.untaken === 1);
      });
      let before = 0;
      for (;;) {
        const message = await within('a message', server.receive());
        if (message!.isRequest) {
          await message!.reply(message!.data);
          break;
        }
        before++;
      }
      expect(before).toBeLessThanOrEqual(32);
      expect(numberOf(await replied)).toBe(7);
    });
  });
}
